export * from "./documents.ts";
export * from "./examples.ts";
export * from "./facts.ts";
export * from "./world.ts";
export * from "./random.ts";
export * from "./forward_backward.ts";
export * from "./inference.ts";
export * from "./sentences.ts";
