/** Which options a command line has, and of which kind each is. */
export interface ParseOptions<
  B extends string | boolean | undefined = string | boolean | undefined,
  S extends string | undefined = string | undefined,
  C extends string | undefined = string | undefined,
  N extends string | undefined = string | undefined,
  D extends Record<string, unknown> | undefined = Record<string, unknown> | undefined,
> {
  /** Gather what follows `--` under that name instead of in `_`. */
  "--"?: boolean;
  /** Other names of an option, such as `{ help: "h" }`. */
  alias?: Record<string, string | readonly string[]>;
  /** Options without a value; `true` makes every long option without `=` one. */
  boolean?: B | readonly Extract<B, string>[];
  /** Values of options that are not given. */
  default?: D;
  /** Stop at the first argument that is not an option; the rest goes to `_`. */
  stopEarly?: boolean;
  /** Options whose value stays a text, even if it looks like a number. */
  string?: S | readonly Extract<S, string>[];
  /** Options that may be given several times and become a list. */
  collect?: C | readonly Extract<C, string>[];
  /** Options that `--no-NAME` sets to false. */
  negatable?: N | readonly Extract<N, string>[];
  /** Called for an argument that no option names; `false` drops the argument. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The options found, and in `_` the arguments that belong to none. */
// deno-lint-ignore no-explicit-any
export type Args<T extends Record<string, unknown> = Record<string, any>> = T & {
  _: (string | number)[];
  "--"?: string[];
};

/** Anything goes when nothing is declared; else each option has the type it was declared with. */
export type Values<
  B extends string | boolean | undefined,
  S extends string | undefined,
  C extends string | undefined,
  N extends string | undefined,
  D extends Record<string, unknown> | undefined,
> = undefined extends B & S & C
  // deno-lint-ignore no-explicit-any
  ? Record<string, any>
  :
    & Record<string, unknown>
    & { [K in Extract<B, string>]: K extends C ? boolean[] : boolean | Default<D, K> }
    & { [K in Extract<S, C & string>]: string[] | Default<D, K> }
    & { [K in Extract<Exclude<S, C>, string & keyof D>]: string | Negated<K, N> | Default<D, K> }
    & { [K in Extract<Exclude<S, C | keyof D>, string>]?: string | Negated<K, N> }
    & { [K in Extract<Exclude<C, S | B>, string>]: unknown[] }
    & { [K in Exclude<keyof D, S | B | C>]: unknown };

type Default<D, K> = K extends keyof D ? D[K] : never;
type Negated<K, N> = K extends N ? false : never;
