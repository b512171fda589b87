/** Keys and values as users write them: bytes, or what the C type holds. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { BtfValue, OpenMap } from "bpfkit";
import { bytesOfWords } from "./hex.ts";
import type { Words } from "./words.ts";

/** `key DATA`. @throws UsageError */
export function givenKeyOf(words: Words, map: OpenMap): Uint8Array {
  if (!words.takeIf("key")) throw words.error("key DATA is missing");
  const given = words.takeUntil(["value"]);
  return dataOf(given, "key", map.info.keySize, map.encoder("key"));
}

/** `value DATA`. @throws UsageError */
export function newValueOf(words: Words, map: OpenMap): Uint8Array {
  if (!words.takeIf("value")) throw words.error("value DATA is missing");
  const given = words.takeUntil(["any", "noexist", "exist"]);
  return dataOf(given, "value", map.info.valueSize, map.encoder("value"));
}

type Encode = (value: BtfValue) => Uint8Array;

/** One word for a type of several bytes is the type's value; anything else is bytes. */
function dataOf(
  words: readonly string[],
  what: string,
  sizeBytes: number,
  encode: Encode | undefined,
): Uint8Array {
  const [first] = words;
  if (first === undefined) throw new UsageError(`the ${what} is empty`);
  if (words.length === 1 && encode !== undefined && (sizeBytes > 1 || !/^\d+$/.test(first))) {
    return typed(first, what, encode);
  }
  const bytes = bytesOfWords(words, what);
  if (bytes.length === sizeBytes) return bytes;
  throw new UsageError(`the ${what} has ${bytes.length} bytes, not ${sizeBytes}`, {
    hint:
      encode === undefined
        ? "The map has no C types, so all bytes are needed."
        : "Give all bytes, or one JSON value.",
  });
}

function typed(word: string, what: string, encode: Encode): Uint8Array {
  let value: BtfValue;
  if (/^-?\d+$/.test(word)) value = BigInt(word);
  else if (/^0x[0-9a-f]+$/i.test(word)) value = BigInt(word);
  else {
    try {
      value = JSON.parse(word) as BtfValue;
    } catch {
      // Text without quotes: an enumerator or a name.
      value = word;
    }
  }
  try {
    return encode(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`'${word}' does not fit the ${what}'s C type: ${why}`, { cause });
  }
}
