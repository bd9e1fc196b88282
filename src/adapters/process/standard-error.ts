// What does a program say on its standard error? Each line goes to the log, within bounds. The last one is often why it ended.
import { type Say, sparing } from "../plugin/plugin-console.ts";

const lineLengthMax = 1_000;

/** Each line of it goes to the log. Returns what says the last one. */
export function hear(errors: ReadableStream<Uint8Array>, say: Say): () => string {
  const spare = sparing(say);
  let last = "";
  let line = "";
  const told = (): void => {
    if (line.trim() !== "") spare("info", (last = line));
    line = "";
  };
  const listen = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of errors) {
      for (const [nth, part] of decoder.decode(chunk, { stream: true }).split("\n").entries()) {
        if (nth > 0) told();
        // What is too long is cut. It may never end.
        line = (line + part).slice(0, lineLengthMax);
      }
    }
    told();
  };
  listen().catch(told);
  return () => {
    const words = line.trim() === "" ? last : line;
    return words.slice(0, 200);
  };
}
