/**
 * Lineage: the family of pre-trained language models, one readable concept to a module.
 *
 * Everything here is handed on from the module that explains it; read those.
 *
 * @example
 * ```ts
 * import {
 *   BERT,
 *   BERT_TINY,
 *   encode,
 *   encoderParameters,
 *   initialise,
 *   keep,
 *   randomKey,
 *   read,
 *   tensor,
 * } from "@lineage/lineage";
 * const params = await keep(initialise(encoderParameters(BERT, BERT_TINY), randomKey(1)));
 * const { last } = encode(BERT, BERT_TINY, params, { ids: tensor("B T", [[2, 7, 5, 3]]) });
 * console.log(last, await read(last));
 * ```
 * @module
 */
export * from "./core/tensor/mod.ts";
export * from "./core/attention.ts";
export * from "./core/embedding.ts";
export * from "./core/factorized_embedding.ts";
export * from "./core/feed_forward.ts";
export * from "./core/layer_norm.ts";
export * from "./core/layer_sharing.ts";
export * from "./core/look_up.ts";
export * from "./core/masks.ts";
export * from "./core/parameters.ts";
export * from "./core/pooler.ts";
export * from "./core/positions.ts";
export * from "./core/transformer_layer.ts";
export * from "./models/albert.ts";
export * from "./models/bert.ts";
export * from "./models/detection_head.ts";
export * from "./models/distilbert.ts";
export * from "./models/electra.ts";
export * from "./models/ernie.ts";
export * from "./models/heads.ts";
export * from "./models/model.ts";
export * from "./models/pretrained.ts";
export * from "./models/roberta.ts";
export * from "./models/spanbert.ts";
export * from "./models/spec.ts";
