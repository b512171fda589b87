/** The few standard headers that C gives a program without an operating system, in terms of clang's predefined macros. */

/** Where {@link freestandingHeaders} lie in a run's file system; searched last. */
export const FreestandingFolder = "/bpfkit/clang/include";

/**
 * File name -> text. The integer types are the kernel's (64 bits are `long long`), because programs meet both these and the
 * kernel's own typedefs, and C wants them to be the same type.
 */
export const freestandingHeaders: ReadonlyMap<string, string> = new Map([
  [
    "stddef.h",
    `#pragma once
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef __WCHAR_TYPE__ wchar_t;
#undef NULL
#define NULL ((void *)0)
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
`,
  ],
  [
    "stdbool.h",
    `#pragma once
#if __STDC_VERSION__ < 202311L
#define bool _Bool
#define true 1
#define false 0
#endif
#define __bool_true_false_are_defined 1
`,
  ],
  ["stdint.h", stdint()],
  [
    "stdarg.h",
    `#pragma once
typedef __builtin_va_list va_list;
#define va_start(list, ...) __builtin_va_start(list, 0)
#define va_arg(list, type) __builtin_va_arg(list, type)
#define va_end(list) __builtin_va_end(list)
#define va_copy(to, from) __builtin_va_copy(to, from)
`,
  ],
  [
    "stdalign.h",
    `#pragma once
#define alignas _Alignas
#define alignof _Alignof
#define __alignas_is_defined 1
#define __alignof_is_defined 1
`,
  ],
  ["stdnoreturn.h", "#pragma once\n#define noreturn _Noreturn\n"],
  ["limits.h", limits()],
]);

function stdint(): string {
  const types: [bits: number, c: string, suffix: string][] = [
    [8, "char", ""],
    [16, "short", ""],
    [32, "int", ""],
    [64, "long long", "LL"],
  ];
  const lines = ["#pragma once"];
  for (const [bits, c, suffix] of types) {
    const unsignedSuffix = bits < 32 ? "" : `U${suffix}`;
    const most = (2n ** BigInt(bits - 1) - 1n).toString();
    const all = (2n ** BigInt(bits) - 1n).toString();
    for (const kind of ["", "_least", "_fast"]) {
      const signedName = `int${kind}${bits}`;
      lines.push(
        `typedef ${bits === 8 ? "signed char" : c} ${signedName}_t;`,
        `typedef unsigned ${c} u${signedName}_t;`,
        `#define ${signedName.toUpperCase()}_MAX ${most}${suffix}`,
        `#define ${signedName.toUpperCase()}_MIN (-${most}${suffix} - 1)`,
        `#define U${signedName.toUpperCase()}_MAX ${all}${unsignedSuffix}`,
      );
    }
    lines.push(
      `#define INT${bits}_C(c) ${suffix === "" ? "c" : `c##${suffix}`}`,
      `#define UINT${bits}_C(c) ${unsignedSuffix === "" ? "c" : `c##${unsignedSuffix}`}`,
    );
  }
  lines.push(
    "typedef __INTPTR_TYPE__ intptr_t;",
    "typedef __UINTPTR_TYPE__ uintptr_t;",
    "typedef long long intmax_t;",
    "typedef unsigned long long uintmax_t;",
    "#define INTPTR_MAX __INTPTR_MAX__",
    "#define INTPTR_MIN (-__INTPTR_MAX__ - 1)",
    "#define UINTPTR_MAX __UINTPTR_MAX__",
    "#define INTMAX_MAX INT64_MAX",
    "#define INTMAX_MIN INT64_MIN",
    "#define UINTMAX_MAX UINT64_MAX",
    "#define INTMAX_C(c) INT64_C(c)",
    "#define UINTMAX_C(c) UINT64_C(c)",
    "#define PTRDIFF_MAX __PTRDIFF_MAX__",
    "#define PTRDIFF_MIN (-__PTRDIFF_MAX__ - 1)",
    "#define SIZE_MAX __SIZE_MAX__",
  );
  return `${lines.join("\n")}\n`;
}

function limits(): string {
  const lines = ["#pragma once", "#define CHAR_BIT __CHAR_BIT__"];
  const define = (name: string, value: string) => lines.push(`#undef ${name}`, `#define ${name} ${value}`);
  for (const [name, macro] of [
    ["SCHAR", "__SCHAR_MAX__"],
    ["SHRT", "__SHRT_MAX__"],
    ["INT", "__INT_MAX__"],
    ["LONG", "__LONG_MAX__"],
    ["LLONG", "__LONG_LONG_MAX__"],
  ] as const) {
    define(`${name}_MAX`, macro);
    define(`${name}_MIN`, `(-${macro} - 1)`);
  }
  define("CHAR_MIN", "SCHAR_MIN");
  define("CHAR_MAX", "SCHAR_MAX");
  define("UCHAR_MAX", "(SCHAR_MAX * 2 + 1)");
  define("USHRT_MAX", "(SHRT_MAX * 2 + 1)");
  define("UINT_MAX", "(INT_MAX * 2U + 1U)");
  define("ULONG_MAX", "(LONG_MAX * 2UL + 1UL)");
  define("ULLONG_MAX", "(LLONG_MAX * 2ULL + 1ULL)");
  return `${lines.join("\n")}\n`;
}
