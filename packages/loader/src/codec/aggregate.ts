/** Codecs of aggregates: strings, arrays, structs and unions. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type MemberReader, objectReader } from "./object-reader.ts";
import { describe, integerOf, makeCodec, readBits, writeBits } from "./scalar.ts";
import type { BtfValue, CodecMember, TypeCodec } from "./value.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Longer text is left to the decoder: names and paths of events are shorter. */
const shortText = 64;
/** Texts seen last, by a hash of their bytes: events repeat the names of tasks and files. */
const recentTexts: string[] = new Array<string>(256).fill("");

/** The bytes of a `char[n]` up to the first NUL, as UTF-8; invalid sequences become U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return textAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}

/** As {@link decodeText}, of a part of a view. */
function textAt(view: DataView, offset: number, count: number): string {
  // A call of the decoder costs as much as the rest of an event.
  const most = Math.min(count, shortText);
  let hash = 0;
  let length = 0;
  for (; length < most; length += 1) {
    const code = view.getUint8(offset + length);
    if (code === 0) break;
    if (code >= 0x80) return decodeLongText(view, offset, count);
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  if (length === shortText && length < count) return decodeLongText(view, offset, count);
  const slot = (hash ^ (hash >>> 8)) & (recentTexts.length - 1);
  const recent = recentTexts[slot] ?? "";
  if (isText(recent, view, offset, length)) return recent;
  let text = "";
  for (let at = 0; at < length; at += 1) text += String.fromCharCode(view.getUint8(offset + at));
  recentTexts[slot] = text;
  return text;
}

function decodeLongText(view: DataView, offset: number, count: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, count);
  const found = bytes.indexOf(0);
  return decoder.decode(bytes.subarray(0, found === -1 ? count : found));
}

function isText(text: string, view: DataView, offset: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (text.charCodeAt(at) !== view.getUint8(offset + at)) return false;
  return true;
}

/** `char[n]`: text that is cut or padded with NUL. Raw bytes can be had from the event or value itself. */
export function stringCodec(typeName: string, element: TypeCodec, count: number): TypeCodec {
  return makeCodec(
    { typeName, shape: "string", size: count, element: { codec: element, count } },
    (view, offset) => textAt(view, offset, count),
    (value, view, offset) => {
      if (typeof value !== "string") {
        throw new BpfkitError("LD061", `${describe(value)} is not a value of ${typeName}`);
      }
      const text = encoder.encode(value);
      if (text.length > count) {
        throw new BpfkitError("LD061", `${describe(value)} is longer than ${typeName}`);
      }
      const target = new Uint8Array(view.buffer, view.byteOffset + offset, count);
      target.fill(0);
      target.set(text);
    },
  );
}

/** Any other array. A flexible array (count 0) decodes to an empty one. */
export function arrayCodec(typeName: string, element: TypeCodec, count: number): TypeCodec {
  const size = element.size * count;
  // Elements without size carry nothing: a count of billions of them must not cost anything.
  const entries = element.size === 0 ? 0 : count;
  return makeCodec(
    { typeName, shape: "array", size, leaves: element.leaves * entries, element: { codec: element, count } },
    (view, offset) => {
      const values: BtfValue[] = [];
      for (let index = 0; index < entries; index += 1) {
        values.push(element.decodeFrom(view, offset + index * element.size));
      }
      return values;
    },
    (value, view, offset) => {
      if (!Array.isArray(value) && !(value instanceof Uint8Array)) {
        throw new BpfkitError("LD061", `${describe(value)} is not a value of ${typeName}`);
      }
      const list = value as readonly BtfValue[];
      if (list.length > count) {
        throw new BpfkitError("LD061", `${list.length} elements do not fit ${typeName}`);
      }
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      bytes.fill(0, offset, offset + size);
      list.forEach((entry, index) => {
        element.encodeInto(entry, bytes, offset + index * element.size);
      });
    },
  );
}

/** Structs and unions. Members of anonymous members appear as the aggregate's own. */
export function aggregateCodec(
  typeName: string,
  shape: "struct" | "union",
  size: number,
  members: readonly CodecMember[],
): TypeCodec {
  const leaves = members.reduce((sum, member) => sum + member.codec.leaves, 0);
  // A plain assignment would turn a C field of this name into a prototype change.
  const decoded = members.filter(({ name }) => name !== "__proto__");
  const byName = new Map(members.map((member) => [member.name, member]));
  return makeCodec(
    { typeName, shape, size, leaves, members },
    objectReader(decoded.map((member) => memberReader(member))),
    (value, view, offset) => {
      if (typeof value !== "object" || Array.isArray(value)) {
        throw new BpfkitError("LD061", `${describe(value)} is not a value of ${typeName}`);
      }
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      bytes.fill(0, offset, offset + size);
      for (const [name, part] of Object.entries(value)) {
        const member = byName.get(name);
        if (member === undefined) {
          throw new BpfkitError("LD061", `${typeName} has no member ${JSON.stringify(name)}`, {
            hint: `Its members are ${[...byName.keys()].join(", ")}.`,
          });
        }
        encodeMember(member, part, view, bytes, offset);
      }
    },
  );
}

/** What reads a member, and where: `at` bytes behind the aggregate's start. */
function memberReader({ name, bitOffset, bitSize, codec }: CodecMember): MemberReader {
  if (bitSize === 0) return { name, at: bitOffset / 8, read: codec.decodeFrom };
  const read: TypeCodec["decodeFrom"] = (view, offset) => {
    const value = readBits(view, offset * 8 + bitOffset, bitSize, codec.signed);
    return codec.shape === "bool" ? BigInt(value) !== 0n : value;
  };
  return { name, at: 0, read };
}

function encodeMember(
  member: CodecMember,
  value: BtfValue,
  view: DataView,
  bytes: Uint8Array,
  offset: number,
): void {
  if (member.bitSize === 0) {
    member.codec.encodeInto(value, bytes, offset + member.bitOffset / 8);
    return;
  }
  const what = `${member.codec.typeName} ${member.name}:${member.bitSize}`;
  const integer = integerOf(value, what, member.bitSize, member.codec.signed);
  writeBits(view, offset * 8 + member.bitOffset, member.bitSize, integer);
}
