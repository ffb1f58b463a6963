/** The encoder of BERT-base by PyTorch, if python3 (or $PYTHON) has it. Usage: deno run -A bench/peers/torch/bert.ts */
import { median, report } from "../../measured.ts";
import { BERT_BASE, ids, weights } from "../../workloads/bert.ts";
import { python } from "./python.ts";

const { times, mean } = await python<{ times: number[]; mean: number }>("bert.py", BERT_BASE, {
  ...weights(),
  ids: { shape: [BERT_BASE.length], values: ids() },
});
report({ name: "forward", value: median(times), unit: "ms", check: { mean } });
