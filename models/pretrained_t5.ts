/**
 * Nothing any more: pretrained.ts loads and saves a T5, as it does every other model.
 * @module
 */
export {};
