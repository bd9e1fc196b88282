// Which module has to run before @peculiar/x509? The one that gives it `Reflect.getMetadata`. It stands in a file of its
// own because the bundler of the single binary runs imports of CommonJS modules after the ES modules beside them.
import "reflect-metadata";
