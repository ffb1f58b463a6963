/**
 * A small WebAssembly assembler — WebAssembly Core Specification 2.0, §5 (binary format), with relaxed SIMD.
 *
 * Idea   An instruction is a function from the code of its operands to code, so a program reads like
 *        the formula that it computes: `f32x4.add(f32x4.mul(a, b), c)`.
 * Differs from the paper: only what the kernels need; every function returns nothing.
 * @module
 */

/** Bytes, nested as they were put together; `Module.bytes` flattens them. */
export type Code = readonly (number | Code)[];
/** What an instruction works on; a number means the instruction that makes this whole number. */
export type Operand = Code | number;
/** The types of values that the kernels use. */
export type Type = "i32" | "v128";
/** A local variable. It is its own code: used as an operand, it means its value. */
export type Local = readonly [0x20, Code];

const typeByte = { i32: 0x7f, v128: 0x7b };

/** LEB128: seven bits a byte, the lowest first. */
function unsigned(n: number): number[] {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push(n % 128 + 128);
  return [...bytes, n];
}

function signed(n: number): number[] {
  const bytes = [];
  for (n |= 0; n < -64 || n > 63; n >>= 7) bytes.push(n & 127 | 128);
  return [...bytes, n & 127];
}

type Instruction = (...operands: Operand[]) => Code;
const codeOf = (x: Operand): Code => typeof x === "number" ? [0x41, ...signed(x)] : x;
const op = (...opcode: number[]): Instruction => (...operands) => [
  ...operands.map(codeOf),
  ...opcode,
];
const simd = (opcode: number): Instruction => op(0xfd, ...unsigned(opcode));
/** Instructions on memory; `offset` is in bytes. Every access may be unaligned. */
const load = (...opcode: number[]) => (address: Code, offset = 0): Code => [
  ...[address, ...opcode, 2],
  ...unsigned(offset),
];
const literal = (lanes: Float32Array | Int32Array): Code => [0xfd, 0x0c, ...bytesOf(lanes)];
const bytesOf = (lanes: Float32Array | Int32Array) => new Uint8Array(lanes.buffer);
const four = (n: number[]) => [0, 1, 2, 3].map((lane) => n[lane % n.length]);

/** Whole numbers and addresses. */
export const i32 = {
  load: load(0x28),
  eq: op(0x46),
  ltS: op(0x48),
  ltU: op(0x49),
  gtS: op(0x4a),
  geS: op(0x4e),
  add: op(0x6a),
  sub: op(0x6b),
  mul: op(0x6c),
  and: op(0x71),
  divU: op(0x6e),
  remU: op(0x70),
  /** operands: if so, otherwise, condition */
  select: op(0x1b),
};

/** Fill memory: address, byte, number of bytes. */
export const fill: Instruction = op(0xfc, 0x0b, 0);

/** 128 bits, whatever they mean. */
export const v128 = {
  load: load(0xfd, 0x00),
  /** The number at the address, four times. */
  splat: load(0xfd, 0x09),
  /** The number at the address in lane 0; zeros elsewhere. */
  loadOne: load(0xfd, 0x5c),
  loadLane: (address: Code, v: Code, lane: number): Code => [address, v, 0xfd, 0x56, 2, 0, lane],
  store: (
    address: Code,
    v: Code,
    offset = 0,
  ): Code => [address, v, 0xfd, 0x0b, 2, unsigned(offset)],
  storeLane: (address: Code, v: Code, lane: number): Code => [address, v, 0xfd, 0x5a, 2, 0, lane],
  /** Lanes of a (0 … 3) and b (4 … 7), picked by number. */
  shuffle: (a: Code, b: Code, ...lanes: number[]): Code => [
    ...[a, b, 0xfd, 0x0d],
    ...lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]),
  ],
  and: simd(0x4e),
  xor: simd(0x51),
  /** operands: where set, where not, mask */
  bitselect: simd(0x52),
};

/** Four floats. */
export const f32x4 = {
  const: (...n: number[]): Code => literal(new Float32Array(four(n))),
  eq: simd(0x41),
  ne: simd(0x42),
  lt: simd(0x43),
  floor: simd(0x68),
  abs: simd(0xe0),
  neg: simd(0xe1),
  sqrt: simd(0xe3),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  div: simd(0xe7),
  min: simd(0xe8),
  max: simd(0xe9),
  /** b < a ? b : a, in one machine instruction: a NaN in a stays. */
  pmin: simd(0xea),
  /** a < b ? b : a */
  pmax: simd(0xeb),
  convertS: simd(0xfa),
  /** a · b + c, rounded once */
  relaxedMadd: simd(0x105),
  /** c - a · b, rounded once */
  relaxedNmadd: simd(0x106),
};

/** Four whole numbers. */
export const i32x4 = {
  const: (...n: number[]): Code => literal(new Int32Array(four(n))),
  splat: simd(0x11),
  lane: (vector: Code, lane: number): Code => [[vector, 0xfd, 0x1b], lane],
  gtS: simd(0x3b),
  shl: simd(0xab),
  shrS: simd(0xac),
  shrU: simd(0xad),
  add: simd(0xae),
  sub: simd(0xb1),
  mul: simd(0xb5),
  minU: simd(0xb7),
  maxS: simd(0xb8),
  /** Towards zero; NaN and negative numbers give 0. */
  truncU: simd(0xf9),
};

/** A function under construction: what its methods are told is done in that order. */
export class Routine {
  /** The parameters, whole numbers. */
  readonly parameters: readonly Local[];
  readonly #code: Code[] = [];
  readonly #prologue: Code[] = [];
  readonly #types: Type[] = [];
  readonly #constants = new Map<string, Local>();
  readonly #free: Record<Type, Local[]> = { i32: [], v128: [] };
  #made: { type: Type; local: Local }[] = [];

  /** `fma`: whether `madd` may use the fused instruction. */
  constructor(readonly index: number, parameters: number, readonly fma: boolean) {
    this.parameters = Array.from({ length: parameters }, (_, i) => [0x20, unsigned(i)]);
  }

  /** A new variable. */
  local(type: Type): Local {
    const local = this.#free[type].pop() ?? this.#declare(type);
    this.#made.push({ type, local });
    return local;
  }
  #declare(type: Type): Local {
    this.#types.push(type);
    return [0x20, unsigned(this.parameters.length + this.#types.length - 1)];
  }
  /** A new variable with a whole number in it. */
  integer(value: Operand): Local {
    return this.set(this.local("i32"), value);
  }
  /** A new variable with a vector in it. */
  vector(value: Code): Local {
    return this.set(this.local("v128"), value);
  }
  /** A vector that never changes, made once at the start of the function. */
  constant(value: Code): Local {
    const key = String(value);
    let found = this.#constants.get(key);
    if (!found) {
      found = this.#declare("v128");
      this.#prologue.push(value, [0x21, found[1]]);
      this.#constants.set(key, found);
    }
    return found;
  }
  /** The vector of four equal numbers. */
  number(value: number): Local {
    return this.constant(f32x4.const(value));
  }
  /** Do this. */
  do(...code: Code[]): void {
    this.#code.push(...code);
  }
  /** variable = value */
  set(variable: Local, value: Operand): Local {
    this.do(codeOf(value), [0x21, variable[1]]);
    return variable;
  }
  /** variable += value */
  add(variable: Local, value: Operand): void {
    this.set(variable, i32.add(variable, value));
  }
  /** a · b + c */
  madd(a: Code, b: Code, c: Code): Code {
    return this.fma ? f32x4.relaxedMadd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
  }
  /** c - a · b */
  nmadd(a: Code, b: Code, c: Code): Code {
    return this.fma ? f32x4.relaxedNmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
  }
  /** if (condition) then() else otherwise() */
  if(condition: Code, then: () => void, otherwise?: () => void): void {
    this.do(condition, [0x04, 0x40]);
    then();
    if (otherwise) {
      this.do([0x05]);
      otherwise();
    }
    this.do([0x0b]);
  }
  /** while (condition) body(): tested once before and then at the end of each turn. */
  while(condition: Code, body: () => void): void {
    this.if(condition, () => {
      this.do([0x03, 0x40]);
      body();
      this.do(condition, [0x0d, 0, 0x0b]);
    });
  }
  /** for (i = from; i < to; i += step) body(i), with i and to as signed numbers. */
  for(from: Operand, to: Local, step: number, body: (i: Local) => void): void {
    const i = this.integer(from);
    this.while(i32.ltS(i, to), () => {
      body(i);
      this.add(i, step);
    });
  }
  /** The smaller of two numbers that are not negative. */
  least(a: Operand, b: Operand): Code {
    const [x, y] = [this.integer(a), this.integer(b)];
    return i32.select(x, y, i32.ltU(x, y));
  }
  /** Call another function of the same module. */
  call(routine: Routine, ...values: Operand[]): void {
    this.do(...values.map(codeOf), [0x10, unsigned(routine.index)]);
  }
  /** Variables made inside are free for other uses afterwards. */
  scope(body: () => void): void {
    const outer = this.#made;
    this.#made = [];
    body();
    for (const { type, local } of this.#made) this.#free[type].push(local);
    this.#made = outer;
  }
  /** The body as the binary format wants it. */
  get body(): Code {
    const locals = this.#types.map((t) => [1, typeByte[t]]);
    return [list(locals), this.#prologue, this.#code, 0x0b];
  }
}

const sized = (code: Code): Code => {
  const bytes = flat(code);
  return [unsigned(bytes.length), bytes];
};
const list = (items: (Code | number)[]): Code => [unsigned(items.length), items];
const text = (s: string): Code => list([...s].map((c) => c.charCodeAt(0)));
const section = (id: number, items: Code[]): Code => [id, sized(list(items))];

function flat(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === "number") into.push(part);
    else flat(part, into);
  }
  return into;
}

/** A module that imports the memory and exports functions by name. */
export class Module {
  readonly #routines: Routine[] = [];
  readonly #exports: Code[] = [];

  constructor(readonly fma: boolean) {}

  /** A new function with so many whole numbers as parameters; exported if it has a name. */
  routine(parameters: number, name?: string): Routine {
    const routine = new Routine(this.#routines.length, parameters, this.fma);
    this.#routines.push(routine);
    if (name) this.#exports.push([text(name), 0, unsigned(routine.index)]);
    return routine;
  }
  /** The binary. */
  bytes(shared: boolean): Uint8Array<ArrayBuffer> {
    const all = this.#routines;
    const memory = [text("env"), text("memory"), 2, shared ? 3 : 1, 0, unsigned(65536)];
    const types = all.map((r) => [0x60, list(r.parameters.map(() => typeByte.i32)), 0]);
    return new Uint8Array(flat([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, types),
      section(2, [memory]),
      section(3, all.map((_, i) => unsigned(i))),
      section(7, this.#exports),
      section(10, all.map((r) => sized(r.body))),
    ]));
  }
}

const runs = (code: Code): boolean => {
  const module = new Module(true), f = module.routine(0);
  f.vector(code);
  return WebAssembly.validate(module.bytes(false));
};
/** Whether this machine's WebAssembly knows vectors. */
export const hasSimd = (): boolean => runs(f32x4.const(0));
/** Whether it multiplies and adds with one rounding, where the processor can. */
export const hasRelaxedSimd = (): boolean =>
  runs(f32x4.relaxedMadd(f32x4.const(0), f32x4.const(0), f32x4.const(0)));
