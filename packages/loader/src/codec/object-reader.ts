/** Makes the function that reads a struct: an object literal, which engines compile to straight code. */
import type { BtfValue, TypeCodec } from "./value.ts";

type Read = TypeCodec["decodeFrom"];

/** One member: its value is read `at` bytes behind the start of the struct. */
export interface MemberReader {
  readonly name: string;
  readonly at: number;
  readonly read: Read;
}

/** More members than this are read one by one: such structs are no events. */
const mostInLiteral = 128;

/** What reads all members into one object. None is called `__proto__`. */
export function objectReader(members: readonly MemberReader[]): Read {
  if (members.length > mostInLiteral) return loopingReader(members);
  try {
    return literalReader(members);
  } catch (error) {
    // Web pages may forbid making code (a content security policy without 'unsafe-eval').
    if (error instanceof EvalError) return loopingReader(members);
    throw error;
  }
}

/**
 * `{ "a": r0(view, offset + 0), ... }`: the object has its shape at once, and every call has its own place, so that the
 * engine puts the callee there. A loop over members has one place for all callees, and takes four times as long.
 * Of a type, only names and offsets get into the text, as JSON, which is JavaScript whatever an object calls its members.
 */
export function literalReader(members: readonly MemberReader[]): Read {
  const parameters = members.map((_, index) => `r${index}`);
  const fields = members.map(({ name, at }, index) => {
    return `${JSON.stringify(name)}: r${index}(view, offset + ${JSON.stringify(at)})`;
  });
  const make = new Function(
    ...parameters,
    `"use strict"; return (view, offset) => ({ ${fields.join(", ")} });`,
  );
  return (make as (...reads: readonly Read[]) => Read)(...members.map(({ read }) => read));
}

/** As {@link literalReader} without making code. */
export function loopingReader(members: readonly MemberReader[]): Read {
  // Copies of one object have their shape from the start.
  const empty: Record<string, BtfValue | undefined> = {};
  for (const { name } of members) empty[name] = undefined;
  return (view, offset) => {
    const value = { ...empty } as Record<string, BtfValue>;
    for (const { name, at, read } of members) value[name] = read(view, offset + at);
    return value;
  };
}
