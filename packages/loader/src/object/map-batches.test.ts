/** Tests of walking maps by batches: the same entries as one by one, on every type that has keys. */
import { MapType } from "@bpfkit/base/abi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emptyMapSpec, type MapSpec } from "../spec/map-spec.ts";
import { kernelTest } from "../testdata/host-kernel.ts";
import { BpfMap } from "./bpf-map.ts";

const noPreallocation = 1;

function shapeOf({ type, keySize, valueSize, maxEntries }: MapSpec) {
  return { type, keySize, valueSize, maxEntries, name: "walked" };
}

kernelTest("batches and single steps give the same entries", (kernel) => {
  const types = [
    MapType.Hash,
    MapType.LruHash,
    MapType.PercpuHash,
    MapType.Array,
    MapType.PercpuArray,
    MapType.LpmTrie,
  ];
  for (const type of types) {
    const isTrie = type === MapType.LpmTrie;
    const spec = { ...emptyMapSpec("walked", "definition"), type, keySize: isTrie ? 8 : 4, valueSize: 12 };
    spec.maxEntries = 3000;
    const fd = kernel.mapCreate({ ...shapeOf(spec), flags: isTrie ? noPreallocation : 0 });
    const map = new BpfMap(kernel, fd, spec, { maxEntries: 3000, btf: undefined, reused: false });
    for (let number = 0; number < 2500; number++) {
      const key = new Uint8Array(Uint32Array.from(isTrie ? [32, number] : [number]).buffer);
      map.updateBytes(key, new Uint8Array(map.rawValueSize).fill(number % 251));
    }
    const text = ([key, value]: [Uint8Array, Uint8Array]) => `${key} ${value.slice(0, 12)}`;
    const batched = [...map.entriesBytes()].map(text).sort();
    const { batches } = kernel;
    Object.defineProperty(kernel, "batches", { value: undefined, configurable: true });
    const single = [...map.entriesBytes()].map(text).sort();
    Object.defineProperty(kernel, "batches", { value: batches });
    assert.is(single.length, type === MapType.Array || type === MapType.PercpuArray ? 3000 : 2500, `${type}`);
    assert.equal(batched, single, `${type}`);
    map.close();
  }
});

kernelTest("draining gives every entry and leaves none", (kernel) => {
  for (const type of [MapType.Hash, MapType.LpmTrie]) {
    const spec = {
      ...emptyMapSpec("drained", "definition"),
      type,
      keySize: 8,
      valueSize: 4,
      maxEntries: 600,
    };
    const flags = type === MapType.LpmTrie ? noPreallocation : 0;
    const map = new BpfMap(kernel, kernel.mapCreate({ ...shapeOf(spec), flags }), spec, {
      maxEntries: 600,
      btf: undefined,
      reused: false,
    });
    for (let number = 0; number < 500; number++) {
      map.updateBytes(new Uint8Array(Uint32Array.of(32, number).buffer), Uint8Array.of(1, 2, 3, 4));
    }
    assert.is([...map.drainBytes()].length, 500);
    assert.is([...map.entriesBytes()].length, 0);
    assert.is([...map.drainBytes()].length, 0);
    map.close();
  }
});

test.run();
