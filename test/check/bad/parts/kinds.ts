// What other modules have added when they were loaded.
export const kinds: string[] = [];
