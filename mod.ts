/**
 * Lineage: the family of pre-trained language models, one readable concept to a module.
 * @module
 */
export {};
