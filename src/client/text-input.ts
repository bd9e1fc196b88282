// May a text be typed as it is, where a state machine has one operation of that kind? The command line takes a word for the name of an operation,
// and tells JSON by how it begins.

export const isWord = (text: string): boolean => /^[\w-]*$/.test(text);

export const looksLikeJson = (text: string): boolean => /^\s*[[{"]/.test(text);

export const isTextAlone = (text: string): boolean => !isWord(text) && !looksLikeJson(text) && !text.startsWith("-");
