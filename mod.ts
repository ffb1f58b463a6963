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
export * from "./core/adaptive_softmax.ts";
export * from "./core/attention.ts";
export * from "./core/cross_attention.ts";
export * from "./core/embedding.ts";
export * from "./core/factorized_embedding.ts";
export * from "./core/feed_forward.ts";
export * from "./core/gated_feed_forward.ts";
export * from "./core/key_value_cache.ts";
export * from "./core/layer_norm.ts";
export * from "./core/layer_sharing.ts";
export * from "./core/look_up.ts";
export * from "./core/masks.ts";
export * from "./core/parameters.ts";
export * from "./core/permutation.ts";
export * from "./core/pooler.ts";
export * from "./core/positions.ts";
export * from "./core/recurrence.ts";
export * from "./core/relative_attention.ts";
export * from "./core/relative_buckets.ts";
export * from "./core/relative_layer.ts";
export * from "./core/relative_positions.ts";
export * from "./core/relative_segments.ts";
export * from "./core/rms_norm.ts";
export * from "./core/sparse_attention.ts";
export * from "./core/sublayers.ts";
export * from "./core/transformer_layer.ts";
export * from "./core/two_stream.ts";
export * from "./generation/fill_in.ts";
export * from "./generation/generate.ts";
export * from "./generation/options.ts";
export * from "./generation/write.ts";
export * from "./models/albert.ts";
export * from "./models/bart.ts";
export * from "./models/bert.ts";
export * from "./models/detection_head.ts";
export * from "./models/distilbert.ts";
export * from "./models/electra.ts";
export * from "./models/encoder_decoder.ts";
export * from "./models/ernie.ts";
export * from "./models/gpt.ts";
export * from "./models/gpt2.ts";
export * from "./models/gpt3.ts";
export * from "./models/heads.ts";
export * from "./models/model.ts";
export * from "./models/pretrained.ts";
export * from "./models/reading_and_writing.ts";
export * from "./models/roberta.ts";
export * from "./models/spanbert.ts";
export * from "./models/spec.ts";
export * from "./models/t5.ts";
export * from "./models/transformer_xl.ts";
export * from "./models/unilm.ts";
export * from "./models/xlnet.ts";
