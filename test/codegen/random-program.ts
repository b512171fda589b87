/** Random C programs without undefined behaviour, the same for the same seed, to compare code generators with. */

/** What the programs of a file may use. */
export interface ProgramOptions {
  readonly seed: number;
  /** Programs in the file. */
  readonly programs: number;
  /** Atomic operations on 32 bits that return the old value, and bitwise ones (v3). */
  readonly atomics: boolean;
  /** Signed division (v4). */
  readonly signedDivision: boolean;
}

const types = ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64"] as const;
type Type = (typeof types)[number];

const bitsOf: Record<Type, number> = { u8: 8, u16: 16, u32: 32, u64: 64, s8: 8, s16: 16, s32: 32, s64: 64 };

/** Members of the context that hold numbers, with their length; lengths are powers of two. */
const members: readonly { readonly name: string; readonly type: Type; readonly length: number }[] = [
  { name: "q", type: "u64", length: 8 },
  { name: "d", type: "u32", length: 8 },
  { name: "h", type: "u16", length: 8 },
  { name: "b", type: "u8", length: 16 },
  { name: "sq", type: "s64", length: 4 },
  { name: "sd", type: "s32", length: 4 },
  { name: "sh", type: "s16", length: 4 },
  { name: "sb", type: "s8", length: 8 },
];

const fields = ["a", "b", "c", "e", "f", "g"] as const;

/** Bytes of `struct ctx` in generated programs. */
export const contextBytes = 8 * 8 + 8 * 4 + 8 * 2 + 16 + 4 * 8 + 4 * 4 + 4 * 2 + 8 + 4 * 24;

const prelude = `typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64; typedef unsigned __int128 u128;
struct rec { u8 a; u32 b; u64 c; u16 e : 3, f : 9; s32 g : 5; };
struct two { u32 x; s16 y; u8 z; };
struct ctx { u64 q[8]; u32 d[8]; u16 h[8]; u8 b[16]; s64 sq[4]; s32 sd[4]; s16 sh[4]; s8 sb[8]; struct rec st[4]; };
#define SEC(name) __attribute__((section(name), used))
#define noinline __attribute__((noinline))
static void *(*const lookup)(void *, const void *) = (void *)1;
static long (*const update)(void *, const void *, const void *, u64) = (void *)2;
static long (*const delete)(void *, const void *) = (void *)3;
struct { int (*type)[2]; u32 *key; struct ctx *value; int (*max_entries)[1]; } contexts SEC(".maps");
struct { int (*type)[2]; u32 *key; u64 *value; int (*max_entries)[16]; } counts SEC(".maps");
struct { int (*type)[1]; u32 *key; struct two *value; int (*max_entries)[64]; } pairs SEC(".maps");
struct ctx input SEC(".data.input");
u64 result;
static u64 gq = 5; static u32 gd; s32 gs = -7; u8 gb[8] = {1, 2, 3, 250}; static s16 gh[4];
static const u32 table[8] = {1, 0x80000000u, 77, 0xffffffffu, 12345, 0, 3, 0x7fffffff};
static const s64 wide[4] = {-1, 1ll << 40, -(1ll << 33), 9};
char _license[] SEC("license") = "GPL";
`;

/** The text of a file: programs \`test0\`, \`test1\`, ... that take \`struct ctx\` from a variable or a map. */
export function randomProgram(options: ProgramOptions): string {
  return new Generator(options).program();
}

interface Variable {
  readonly name: string;
  readonly type: Type;
  /** False for loop counters, which must not be assigned to. */
  readonly mutable: boolean;
}

interface LocalArray {
  readonly name: string;
  readonly type: Type;
  readonly length: number;
}

interface Subprogram {
  readonly name: string;
  readonly parameters: readonly Type[];
  readonly takesContext: boolean;
  /** The last parameter is a struct by value. */
  readonly takesPair: boolean;
  readonly result: Type;
  /** Calls below it, itself included: the kernel follows eight. */
  readonly depth: number;
}

class Generator {
  readonly #options: ProgramOptions;
  #state: number;
  #names = 0;
  #variables: Variable[] = [];
  #arrays: LocalArray[] = [];
  #records: string[] = [];
  #subprograms: Subprogram[] = [];
  #hasContext = true;
  #loops = 0;
  #budget = 0;
  #calls = 0;
  #result: Type = "u64";
  /** The deepest chain of calls from the function that is being made. */
  #depth = 0;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#state = (options.seed * 2654435761 + 12345) >>> 0;
  }

  program(): string {
    const parts = [prelude];
    for (let index = 0; index < this.#options.programs; index++) {
      this.#subprograms = [];
      for (let count = this.#below(3); count > 0; count--) parts.push(this.#subprogram());
      parts.push(this.#function(index));
    }
    return parts.join("\n");
  }

  /** Numbers by a xorshift generator: 32 bits. */
  #next(): number {
    let x = this.#state === 0 ? 0x9e3779b9 : this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  #below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  #chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  #subprogram(): string {
    const name = this.#name("sub");
    const parameters = Array.from({ length: 1 + this.#below(3) }, () => this.#pick(types));
    const takesContext = this.#chance(0.5);
    const takesPair = !takesContext && this.#chance(0.3);
    const result = this.#pick(types);
    this.#reset(takesContext, result, 4 + this.#below(8));
    const named = parameters.map((type) => {
      const variable = { name: this.#name("p"), type, mutable: true };
      this.#variables.push(variable);
      return `${type} ${variable.name}`;
    });
    if (takesContext) named.unshift("struct ctx *c");
    if (takesPair) named.push("struct two w");
    const body = this.#body(
      takesPair ? "  p0 ^= (u64)w.x * 3 + (u64)w.y + w.z;\n".replace("p0", this.#variables[0]!.name) : "",
    );
    // A pointer to a map's value can only go to a static function: global ones are checked on their own.
    const linkage = takesContext || this.#chance(0.6) ? "static noinline" : "noinline";
    this.#subprograms.push({ name, parameters, takesContext, takesPair, result, depth: this.#depth + 1 });
    return `${linkage} ${result} ${name}(${named.join(", ")})\n{\n${body}}\n`;
  }

  /** A program; the context is a variable, or the value of a map. */
  #function(index: number): string {
    this.#reset(true, "u64", 6 + this.#below(24));
    const found = "  u32 zero = 0;\n  struct ctx *c = lookup(&contexts, &zero);\n  if (!c) return 0;\n";
    const start = this.#chance(0.5) ? found : "  struct ctx *c = &input;\n";
    const body = this.#body("");
    return `static inline u64 body${index}(struct ctx *c)\n{\n${body}}\nSEC("syscall") int test${index}(void *unused)\n{\n${start}  result = body${index}(c);\n  return (int)result;\n}\n`;
  }

  #reset(hasContext: boolean, result: Type, budget: number): void {
    this.#variables = [];
    this.#arrays = [];
    this.#records = [];
    this.#hasContext = hasContext;
    this.#result = result;
    this.#budget = budget;
    this.#loops = 0;
    this.#calls = 0;
    this.#depth = 0;
  }

  #body(start: string): string {
    const lines: string[] = start === "" ? [] : [start.trimEnd()];
    const count = 2 + this.#below(8);
    for (let index = 0; index < count; index++) {
      const type = this.#pick(types);
      const value = this.#expression(type, 1);
      const variable = { name: this.#name("v"), type, mutable: true };
      lines.push(`  ${type} ${variable.name} = ${value};`);
      this.#variables.push(variable);
    }
    if (this.#chance(0.4)) {
      const array = { name: this.#name("a"), type: this.#pick(types), length: this.#pick([4, 8, 16]) };
      lines.push(
        `  ${array.type} ${array.name}[${array.length}] = {${this.#literal(array.type)}, ${this.#literal(array.type)}};`,
      );
      this.#arrays.push(array);
    }
    if (this.#chance(0.3)) {
      const record = this.#name("r");
      const from = this.#hasContext && this.#chance(0.5) ? "c->st[1]" : "{3, 4, 5}";
      lines.push(`  struct rec ${record} = ${from};`);
      this.#records.push(record);
    }
    while (this.#budget > 0) lines.push(this.#statement(1));
    lines.push(`  return ${this.#final()};`);
    return `${lines.join("\n")}\n`;
  }

  /** A result that depends on every variable, so that nothing is optimised away. */
  #final(): string {
    const terms = this.#variables
      .filter((one) => one.mutable)
      .map((one, index) => `((u64)${one.name} * ${2 * index + 3}u)`);
    for (const array of this.#arrays)
      terms.push(`(u64)${array.name}[1]`, `(u64)${array.name}[${array.length - 1}]`);
    for (const record of this.#records) terms.push(`${record}.c`, `(u64)${record}.f`, `(u64)${record}.g`);
    return terms.length === 0 ? this.#expression(this.#result, 1) : `(${this.#result})(${terms.join(" ^ ")})`;
  }

  #block(depth: number): string {
    const saved = this.#variables.length;
    const lines = Array.from({ length: 1 + this.#below(3) }, () => this.#statement(depth + 1));
    this.#variables.length = saved;
    return lines.join("\n");
  }

  #statement(depth: number): string {
    this.#budget--;
    const pad = "  ".repeat(depth);
    const deep = depth > 4 || this.#budget <= 0;
    const choice = this.#below(deep ? 60 : 100);
    if (choice < 34) return `${pad}${this.#assignment()}`;
    if (choice < 46) return `${pad}${this.#store()}`;
    if (choice < 50) return `${pad}${this.#memory()}`;
    if (choice < 53) return `${pad}${this.#mapAccess()}`;
    if (choice < 56) return `${pad}${this.#atomic()}`;
    if (choice < 58) return `${pad}asm volatile("" ::: "memory");`;
    if (choice < 60) return `${pad}${this.#barrier()}`;
    if (choice < 78) {
      const other = this.#chance(0.5) ? ` else {\n${this.#block(depth)}\n${pad}}` : "";
      return `${pad}if (${this.#condition(2)}) {\n${this.#block(depth)}\n${pad}}${other}`;
    }
    if (choice < 90) return this.#loop(depth);
    if (choice < 96) return this.#switch(depth);
    return `${pad}if (${this.#condition(1)}) return ${this.#expression(this.#result, 2)};`;
  }

  #assignment(): string {
    const variable = this.#mutable();
    if (variable === undefined) return ";";
    return this.#assign(variable.name, variable.type, 3);
  }

  /** Arithmetic is done without a sign, so that it cannot overflow. */
  #assign(place: string, type: Type, depth: number): string {
    const operator = this.#pick(["=", "=", "=", "+", "-", "^", "|", "&", "*"]);
    const value = this.#expression(type, depth);
    if (operator === "=") return `${place} = ${value};`;
    const wide = bitsOf[type] === 64 ? "u64" : "u32";
    return `${place} = (${type})((${wide})${place} ${operator} (${wide})${value});`;
  }

  #mutable(): Variable | undefined {
    const list = this.#variables.filter((one) => one.mutable);
    return list.length === 0 ? undefined : this.#pick(list);
  }

  #store(): string {
    const array = this.#arrays[0];
    if (array !== undefined && this.#chance(0.2)) {
      const pointer = this.#name("e");
      const start = this.#below(array.length / 2);
      const access = `${pointer}[(${this.#expression("u32", 1)}) & ${array.length / 2 - 1}]`;
      return `{ ${array.type} *${pointer} = &${array.name}[${start}]; ${this.#assign(access, array.type, 1)} }`;
    }
    const place = this.#place();
    return this.#assign(place.text, place.type, 2);
  }

  /** Something in memory. */
  #place(): { text: string; type: Type } {
    const choice = this.#below(10);
    const array = this.#arrays[0];
    if (choice < 3 && array !== undefined) {
      return { text: `${array.name}[${this.#index(array.length)}]`, type: array.type };
    }
    const record = this.#records[0];
    if (choice < 5 && record !== undefined) return this.#field(record);
    if (choice < 7 || !this.#hasContext) {
      const global = this.#pick([
        { text: "gq", type: "u64" },
        { text: "gd", type: "u32" },
        { text: "gs", type: "s32" },
        { text: `gb[${this.#index(8)}]`, type: "u8" },
        { text: `gh[${this.#index(4)}]`, type: "s16" },
      ] as const);
      return global;
    }
    if (choice < 8) return this.#field(`c->st[${this.#index(4)}]`);
    const member = this.#pick(members);
    return { text: `c->${member.name}[${this.#index(member.length)}]`, type: member.type };
  }

  #field(record: string): { text: string; type: Type } {
    const name = this.#pick(fields);
    const type = { a: "u8", b: "u32", c: "u64", e: "u16", f: "u16", g: "s32" } as const;
    return { text: `${record}.${name}`, type: type[name] };
  }

  #index(length: number): string {
    if (this.#chance(0.7)) return `${this.#below(length)}`;
    return `(${this.#expression("u32", 1)}) & ${length - 1}`;
  }

  #memory(): string {
    const array = this.#arrays[0];
    if (!this.#hasContext) return this.#assignment();
    switch (this.#below(5)) {
      case 0:
        return `__builtin_memset(&c->st[${this.#below(4)}], ${this.#pick(["0", "0xff", "7"])}, sizeof(struct rec));`;
      case 1:
        return `c->st[${this.#below(2)}] = c->st[${2 + this.#below(2)}];`;
      case 2:
        if (array === undefined) return `c->st[${this.#index(4)}].c = ${this.#expression("u64", 2)};`;
        return `__builtin_memcpy(${array.name}, c->b, ${Math.min(16, (array.length * bitsOf[array.type]) / 8)});`;
      case 3:
        return `__builtin_memmove(&c->b[${this.#below(4)}], &c->b[${this.#below(8)}], ${1 + this.#below(8)});`;
      default:
        return `__builtin_memcpy(&c->q[${this.#below(4)}], &c->d[${this.#below(4)}], ${4 + this.#below(13)});`;
    }
  }

  /** Reads, changes, adds and removes elements of maps. */
  #mapAccess(): string {
    const key = this.#name("k");
    const set = `u32 ${key} = (${this.#expression("u32", 2)}) & 15;`;
    const found = this.#name("f");
    switch (this.#below(4)) {
      case 0:
        return `{ ${set} u64 *${found} = lookup(&counts, &${key}); if (${found}) { ${this.#assign(`*${found}`, "u64", 2)} } }`;
      case 1: {
        const value = this.#name("n");
        const fields = `${this.#expression("u32", 1)}, ${this.#expression("s16", 1)}, ${this.#expression("u8", 1)}`;
        return `{ ${set} struct two ${value} = {}; struct two ${value}x = {${fields}}; ${value}.x = ${value}x.x; ${value}.y = ${value}x.y; ${value}.z = ${value}x.z; update(&pairs, &${key}, &${value}, 0); }`;
      }
      case 2:
        return `{ ${set} struct two *${found} = lookup(&pairs, &${key}); if (${found}) { ${this.#assign(`${found}->y`, "s16", 1)} ${this.#assignment()} } else { ${this.#assignment()} } }`;
      default:
        return `{ ${set} delete(&pairs, &${key}); }`;
    }
  }

  #atomic(): string {
    if (!this.#hasContext) return this.#assignment();
    const target = this.#pick([
      { text: `c->q[${this.#below(8)}]`, type: "u64" },
      { text: `c->d[${this.#below(8)}]`, type: "u32" },
    ] as const);
    const value = this.#expression(target.type, 2);
    if (!this.#options.atomics && target.type === "u32")
      // Adding zero would become another operation, which the old levels lack.
      return `__sync_fetch_and_add(&${target.text}, ${value} | 1);`;
    const variable = this.#mutable();
    const result = variable === undefined || this.#chance(0.3) ? "" : `${variable.name} = `;
    if (this.#chance(0.2)) {
      return `${result}__sync_val_compare_and_swap(&${target.text}, ${this.#expression(target.type, 1)}, ${value});`;
    }
    const operation = this.#pick(["add", "sub", "or", "and", "xor"]);
    if (this.#chance(0.2)) return `${result}__sync_lock_test_and_set(&${target.text}, ${value});`;
    return `${result}__sync_fetch_and_${operation}(&${target.text}, ${value});`;
  }

  #barrier(): string {
    const variable = this.#mutable();
    return variable === undefined ? ";" : `asm volatile("" : "+r"(${variable.name}));`;
  }

  #loop(depth: number): string {
    const pad = "  ".repeat(depth);
    if (this.#loops >= 3) return `${pad}${this.#assignment()}`;
    this.#loops++;
    const counter = {
      name: this.#name("i"),
      type: this.#pick(["u32", "u8", "s32", "u64"] as const),
      mutable: false,
    };
    const saved = this.#variables.length;
    this.#variables.push(counter);
    const exit = this.#chance(0.3)
      ? `${pad}  if (${this.#condition(1)}) ${this.#pick(["break", "continue"])};\n`
      : "";
    const body = this.#block(depth);
    this.#variables.length = saved;
    this.#loops--;
    const bound = this.#chance(0.3) ? `(${this.#expression("u32", 1)} & 7)` : `${1 + this.#below(9)}`;
    const unroll = this.#chance(0.3)
      ? `${pad}#pragma unroll\n`
      : this.#chance(0.5)
        ? `${pad}#pragma clang loop unroll(disable)\n`
        : "";
    return `${unroll}${pad}for (${counter.type} ${counter.name} = 0; ${counter.name} < ${bound}; ${counter.name}++) {\n${exit}${body}\n${pad}}`;
  }

  #switch(depth: number): string {
    const pad = "  ".repeat(depth);
    const type = this.#pick(["u32", "u64", "s32", "u8"] as const);
    const cases = Array.from({ length: 2 + this.#below(6) }, () => this.#below(24));
    const arms = [...new Set(cases)].map((value) => {
      const end = this.#chance(0.8) ? `\n${pad}  break;` : "";
      return `${pad}case ${value}:\n${this.#block(depth)}${end}`;
    });
    return `${pad}switch (${this.#expression(type, 2)} & ${this.#pick([7, 15, 31])}) {\n${arms.join("\n")}\n${pad}default:\n${this.#block(depth)}\n${pad}}`;
  }

  #condition(depth: number): string {
    if (depth > 0 && this.#chance(0.25)) {
      return `(${this.#condition(depth - 1)}) ${this.#pick(["&&", "||"])} (${this.#condition(depth - 1)})`;
    }
    const type = this.#pick(types);
    const operator = this.#pick(["<", "<=", ">", ">=", "==", "!="]);
    const right = this.#chance(0.5) ? this.#literal(type) : this.#expression(type, depth);
    return `(${type})${this.#expression(type, depth)} ${operator} (${type})${right}`;
  }

  #literal(type: Type): string {
    const bits = bitsOf[type];
    const interesting = [
      "0",
      "1",
      "2",
      "3",
      "7",
      "8",
      "15",
      "100",
      "127",
      "128",
      "255",
      "256",
      "0x7fff",
      "0x8000",
      "0xffff",
      "0x12345",
      "0x7fffffff",
      "0x80000000u",
      "0xffffffffu",
      "0x100000000ull",
      "0x7fffffffffffffffull",
      "0x8000000000000000ull",
      "0xffffffffffffffffull",
      "0xdeadbeefcafebabeull",
      "0xff00ff00u",
      "-1",
      "-2",
      "-128",
      "-32768",
      "-2147483647",
      "0xffff0000ffffull",
    ];
    return `((${type})${this.#pick(interesting.slice(0, bits === 64 ? interesting.length : bits === 32 ? 27 : 20))})`;
  }

  #expression(type: Type, depth: number): string {
    if (depth <= 0 || this.#chance(0.15)) return this.#leaf(type);
    const choice = this.#below(100);
    if (choice < 40) return this.#binary(type, depth);
    if (choice < 46) {
      const unsigned = bitsOf[type] === 64 ? "u64" : "u32";
      return `(${type})(${this.#pick(["-", "~", "!"])}(${unsigned})${this.#expression(type, depth - 1)})`;
    }
    if (choice < 56) return `(${type})(${this.#expression(this.#pick(types), depth - 1)})`;
    if (choice < 64) {
      return `(${this.#condition(depth - 1)} ? ${this.#expression(type, depth - 1)} : ${this.#expression(type, depth - 1)})`;
    }
    if (choice < 68) return `(${type})(${this.#condition(depth - 1)})`;
    if (choice < 71) return this.#swap(type, depth);
    if (choice < 77) return this.#builtin(type, depth);
    if (choice < 82) return this.#call(type, depth);
    if (choice < 84) return `(${type})table[${this.#index(8)}]`;
    if (choice < 86) return `(${type})wide[${this.#index(4)}]`;
    return this.#leaf(type);
  }

  #leaf(type: Type): string {
    const choice = this.#below(10);
    if (choice < 5 && this.#variables.length > 0) return `(${type})${this.#pick(this.#variables).name}`;
    if (choice < 8) return `(${type})${this.#place().text}`;
    return this.#literal(type);
  }

  #binary(type: Type, depth: number): string {
    const left = this.#expression(type, depth - 1);
    const right = this.#expression(type, depth - 1);
    const bits = bitsOf[type];
    const operator = this.#pick(["+", "-", "*", "&", "|", "^", "<<", ">>", "/", "%", "+", "&"]);
    if (operator === "<<")
      return `(${type})((${type === "s64" || type === "u64" ? "u64" : "u32"})${left} << (${right} & ${bits - 1}))`;
    if (operator === ">>") return `(${type})(${left} >> (${right} & ${bits - 1}))`;
    if (operator === "/" || operator === "%") {
      const unsigned = type.replace("s", "u");
      if (this.#options.signedDivision && type.startsWith("s")) {
        // The divisor is positive: neither zero nor the overflow of -2^63 / -1.
        return `(${type})(${left} ${operator} ((${type})((${unsigned})${right} >> 1) | 1))`;
      }
      const wide = bits === 64 ? "u64" : "u32";
      return `(${type})((${wide})(${unsigned})${left} ${operator} (${wide})((${unsigned})${right} | 1))`;
    }
    const unsigned = bits === 64 ? "u64" : "u32";
    return `(${type})((${unsigned})${left} ${operator} (${unsigned})${right})`;
  }

  /** What takes more than an instruction: bit counts, overflow checks, rotations, products of 128 bits, minimum and maximum. */
  #builtin(type: Type, depth: number): string {
    const a = this.#expression(type, depth - 1);
    const b = this.#expression(type, depth - 1);
    const bits = bitsOf[type];
    const unsigned = type.replace("s", "u");
    switch (this.#below(10)) {
      case 0:
        return `(${type})__builtin_popcountll((${unsigned})${a})`;
      case 1:
        return `(${type})__builtin_clzll((u64)(${unsigned})${a} | 1)`;
      case 2:
        return `(${type})__builtin_ctz((u32)${a} | 0x10000)`;
      case 3: {
        // clang has no code for the product of two 64-bit numbers in 128 bits.
        const operation = this.#pick(bits === 64 ? ["add", "sub"] : ["add", "sub", "mul"]);
        return `({ ${type} o; (${type})(__builtin_${operation}_overflow(${a}, ${b}, &o) + o); })`;
      }
      case 4: {
        const by = this.#chance(0.5) ? `${1 + this.#below(bits - 1)}` : `((u32)${b} & ${bits - 1})`;
        return `({ ${unsigned} o = ${a}; (${type})(${unsigned})(o << ${by} | o >> (-(u32)${by} & ${bits - 1})); })`;
      }
      case 5:
        return `(${type})(((((u128)(u64)${a} << 64) | (u64)~${b}) ${this.#pick(["- 77", "+ 12345", "^ 5"])}) >> ${this.#below(100)})`;
      case 6:
        return `({ ${type} o = ${a}, m = ${b}; o ${this.#pick(["<", ">"])} m ? o : m; })`;
      case 7: {
        const wide = this.#pick(["u128", "__int128"]);
        const operator = this.#pick(["<", "<=", ">", ">=", "==", "!="]);
        return `({ ${wide} o = (${wide})((u128)${a} << 64 | (u64)~${b}), m = (${wide})(s64)${b}; (${type})(o ${operator} m); })`;
      }
      case 8:
        return `({ __int128 o = (s64)${a}; (${type})((__int128)((u128)o ^ (u128)(u64)~${b} << 64) >> ${this.#below(120)}); })`;
      default:
        return `({ ${type} o = ${a}; o < 0 ? (${type})-(${bits === 64 ? "u64" : "u32"})o : o; })`;
    }
  }

  #swap(type: Type, depth: number): string {
    const bits = this.#pick([16, 32, 64]);
    return `(${type})__builtin_bswap${bits}((u${bits})${this.#expression(type, depth - 1)})`;
  }

  #call(type: Type, depth: number): string {
    if (this.#calls++ > 6) return this.#leaf(type);
    const candidates = this.#subprograms.filter((one) => this.#hasContext || !one.takesContext);
    if (candidates.length === 0) return this.#leaf(type);
    const target = this.#pick(candidates);
    this.#depth = Math.max(this.#depth, target.depth);
    const list = target.parameters.map((parameter) => this.#expression(parameter, Math.min(1, depth - 1)));
    if (target.takesContext) list.unshift("c");
    if (target.takesPair)
      list.push(`(struct two){${this.#leaf("u32")}, ${this.#leaf("s16")}, ${this.#leaf("u8")}}`);
    return `(${type})${target.name}(${list.join(", ")})`;
  }
}
