// What an editor has to know of the platform to understand a new plugin, its test and the API without any package. Bun's own types know more.

export const platformTypes = `// The little of Bun that this folder uses, so that an editor needs no packages. In its place: bun add -d @types/bun, and in tsconfig.json
// "types": ["bun"]; then delete this file.
declare module "bun:test" {
  export function test(title: string, run: () => void | Promise<void>): void;
  export function describe(title: string, run: () => void): void;
  export function expect(value: unknown): Matchers;
  interface Matchers {
    readonly not: Matchers;
    toBe(expected: unknown): void;
    toEqual(expected: unknown): void;
    toContain(expected: unknown): void;
    toThrow(expected?: unknown): void;
  }
}

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  decode(bytes?: Uint8Array): string;
}

declare const Buffer: { from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer> };

declare const console: Record<"log" | "info" | "debug" | "warn" | "error", (...said: unknown[]) => void>;
`;
