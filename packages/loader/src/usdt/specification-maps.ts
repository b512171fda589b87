/** The two maps from which programs learn where arguments are (libbpf's usdt.bpf.h): filled for each attachment. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BpfMap } from "../object/bpf-map.ts";
import type { UsdtArgument } from "./arguments.ts";

const argumentSize = 16;
const mostArguments = 12;
const cookieAt = argumentSize * mostArguments;
const countAt = cookieAt + 8;
const specificationSize = cookieAt + 16;
const kinds = { constant: 0, register: 1, memory: 2, indexed: 3 } as const;

/** Numbers of specifications given out, for each map of them. */
const used = new WeakMap<BpfMap, Map<string, number>>();

/** The maps of one object. */
export interface SpecificationMaps {
  readonly specifications: BpfMap;
  readonly byAddress: BpfMap | undefined;
}

/** Undefined where the object reads no arguments. */
export function specificationMaps(maps: ReadonlyMap<string, BpfMap>): SpecificationMaps | undefined {
  const specifications = maps.get("__bpf_usdt_specs");
  if (specifications === undefined) return undefined;
  if (specifications.spec.valueSize !== specificationSize) {
    throw new BpfkitError(
      "LD085",
      `map __bpf_usdt_specs has values of ${specifications.spec.valueSize} bytes, not ${specificationSize}`,
      { hint: "The object was built with another version of usdt.bpf.h than those of libbpf 0.8 and later." },
    );
  }
  return { specifications, byAddress: maps.get("__bpf_usdt_ip_to_spec_id") };
}

/** struct __bpf_usdt_spec. */
function encode(places: readonly UsdtArgument[], cookie: bigint): Uint8Array {
  const bytes = new Uint8Array(specificationSize);
  const view = new DataView(bytes.buffer);
  for (const [number, place] of places.entries()) {
    const at = number * argumentSize;
    view.setBigInt64(at, BigInt.asIntN(64, place.value), true);
    view.setUint8(at + 8, kinds[place.kind]);
    // idx_reg_off in 12 bits, scale_bitshift in 4.
    view.setUint16(at + 9, (place.index & 0xfff) | (place.scaleShift << 12), true);
    view.setInt16(at + 12, place.register, true);
    view.setUint8(at + 14, place.signed ? 1 : 0);
    view.setUint8(at + 15, 64 - place.sizeBytes * 8);
  }
  view.setBigUint64(cookieAt, BigInt.asUintN(64, cookie), true);
  view.setInt16(countAt, places.length, true);
  return bytes;
}

/**
 * Writes a specification, unless an equal one is there, and gives its number.
 * @throws BpfkitError LD085 where there are too many, or too many arguments
 */
export function addSpecification(
  maps: SpecificationMaps,
  places: readonly UsdtArgument[],
  cookie: bigint,
): number {
  const { specifications } = maps;
  if (places.length > mostArguments) {
    throw new BpfkitError(
      "LD085",
      `a USDT probe has ${places.length} arguments; programs can read ${mostArguments}`,
    );
  }
  const bytes = encode(places, cookie);
  let numbers = used.get(specifications);
  if (numbers === undefined) {
    numbers = new Map();
    used.set(specifications, numbers);
  }
  const key = bytes.join();
  const known = numbers.get(key);
  if (known !== undefined) return known;
  const number = numbers.size;
  if (number >= specifications.maxEntries) {
    throw new BpfkitError(
      "LD085",
      `the probe needs more than ${specifications.maxEntries} specifications of arguments`,
      { hint: "Define BPF_USDT_MAX_SPEC_CNT higher, or set the map's max_entries before loading." },
    );
  }
  specifications.updateBytes(word(number), bytes);
  numbers.set(key, number);
  return number;
}

/** For kernels without bpf_get_attach_cookie: which specification belongs to an address in memory. */
export function addAddress(maps: SpecificationMaps, address: bigint, specification: number): void {
  const { byAddress } = maps;
  if (byAddress === undefined) return;
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, address, true);
  byAddress.updateBytes(key, word(specification));
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
