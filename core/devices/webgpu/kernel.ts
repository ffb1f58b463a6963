/**
 * A kernel: WGSL text, the buffers it binds, and its numbers.
 *
 * Idea   Compiling a pipeline costs far more than running it once, so sizes, strides and offsets are
 *        parameters in a uniform block, and kernels of equal text share one pipeline.
 * Differs from the paper: there is none.
 * @module
 */
import { aliases, SPECIAL_BITS, withFunctions } from "./wgsl.ts";

/** One dispatch. */
export interface Kernel {
  /** For people: what it is. */
  label: string;
  /** WGSL. */
  code: string;
  /** Indices of the program's buffers, in the order of bindings 1, 2, … */
  buffers: number[];
  /** Which of them it writes. */
  writes: boolean[];
  /** The uniform block, binding 0. */
  parameters: number[];
  /** Number of workgroups. */
  groups: number;
}

/** What a GPU is like. */
export interface Ways {
  /** Whether a processor plays it: a thread does much, and shares nothing with others. */
  readonly software: boolean;
  /** Whether the threads of a workgroup share tiles of a product's factors. */
  readonly tiled: boolean;
  /** How many buffers a kernel can bind. */
  readonly buffersPerLoop: number;
}

/** A buffer that a kernel binds; `type` is that of its elements. */
export interface Argument {
  /** Index into the program's buffers. */
  buffer: number;
  /** Element type in WGSL: `numbersIn` says which one numbers have. */
  type: "f32" | "vec4f" | "u32" | "vec2u" | "i32";
  /** Whether the kernel writes it. */
  writes: boolean;
}

/** The element type for numbers that are loaded one by one or by fours; two halves share a word. */
export function numbersIn(four: boolean, half = false): Argument["type"] {
  if (half) return four ? "vec2u" : "u32";
  return four ? "vec4f" : "f32";
}

/** The text that loads number `at` of an argument. */
export function one(name: string, type: Argument["type"], at: string): string {
  switch (type) {
    case "vec4f":
      return `${name}[(${at}) >> 2u][(${at}) & 3]`;
    case "vec2u":
      return `half_number(${name}[(${at}) >> 2u][((${at}) >> 1u) & 1], ${at})`;
    case "u32":
      return `half_number(${name}[(${at}) >> 1u], ${at})`;
    default:
      return `${name}[${at}]`;
  }
}

/** The text that loads number `at`, a multiple of 4, and the three after it; for a type of fours. */
export function four(name: string, type: Argument["type"], at: string): string {
  const element = `${name}[(${at}) >> 2u]`;
  return type === "vec2u" ? `half_numbers(${element})` : element;
}

/** The numbers of a kernel and how its text names them: p[2].y */
export class Parameters {
  /** The numbers. */
  readonly numbers: number[] = [...SPECIAL_BITS];
  /** A new number; gives its name, an i32. */
  add(value: number): string {
    const i = this.numbers.push(value) - 1;
    return `p[${i >> 2}].${"xyzw"[i & 3]}`;
  }
}

/** Workgroups are numbered in two dimensions, as one may not have more of them. */
export const WIDEST = 65535;

/** After so many turns of its loops, together, Mesa's software adapter ends a thread and says nothing. */
export const MOST_TURNS = 65535;

/** What is thrown where a thread would make more turns. */
export const tooLong = (what: string): RangeError =>
  new RangeError(`webgpu: ${what} is too long for a GPU in software: take device("wasm")`);

/** The pieces of a kernel put together. In `body`, `group` and `local` are u32. */
export function assemble(
  kernel: {
    label: string;
    width: 1 | 4;
    arguments: Argument[];
    parameters: Parameters;
    threads: number;
    groups: number;
    declarations?: string;
    body: string[];
  },
): Kernel {
  const { label, width, parameters, threads, groups } = kernel;
  const bound = kernel.arguments.map(({ type, writes }, i) =>
    `@group(0) @binding(${i + 1}) var<storage, ${writes ? "read_write" : "read"}> ` +
    `b${i}: array<${type}>;\n`
  ).join("");
  const main = `${kernel.declarations ?? ""}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = groups.y * ${WIDEST}u + groups.x;
${indented(kernel.body)}
}
`;
  const block = Math.ceil(parameters.numbers.length / 4);
  return {
    label,
    code: aliases(width) + `@group(0) @binding(0) var<uniform> p: array<vec4i, ${block}>;\n` +
      bound + withFunctions(main),
    buffers: kernel.arguments.map((a) => a.buffer),
    writes: kernel.arguments.map((a) => a.writes),
    parameters: parameters.numbers,
    groups,
  };
}

/** Lines indented by the braces before them. */
function indented(lines: string[]): string {
  let depth = 1;
  return lines.map((line) => {
    if (line.startsWith("}")) depth--;
    const text = "  ".repeat(depth) + line;
    if (line.endsWith("{")) depth++;
    return text;
  }).join("\n");
}

/**
 * Lines that take `flat`, which is below `count`, apart into an index for each size, the last one the
 * fastest; that one counts fours if `width` is 4.
 */
export function unravel(
  flat: string,
  count: number,
  prefix: string,
  sizes: string[],
  width = 1,
): string[] {
  const times = (d: number) => width === 4 && d === sizes.length - 1 ? " * 4" : "";
  const lines: string[] = [];
  let rest = flat;
  for (let d = sizes.length - 1; d > 0; d--) {
    const [name, size] = [`${prefix}${d}`, `u32(${sizes[d]})`];
    const over = count < 2 ** 20 ? `quotient(${rest}, ${size})` : `${rest} / ${size}`;
    lines.push(`let ${name}_over = ${over};`);
    lines.push(`let ${name} = i32(${rest} - ${name}_over * ${size})${times(d)};`);
    rest = `${name}_over`;
  }
  return sizes.length ? [...lines, `let ${prefix}0 = i32(${rest})${times(0)};`] : [];
}
