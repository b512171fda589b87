/** Tests of maps that outlive their object: pinned by name, reused, refused where they differ, lent. */
import { existsSync } from "node:fs";
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { kernelTest, withPins } from "../testdata/host-kernel.ts";
import { Collection } from "./collection.ts";

const object = compileNative(new URL("../testdata/pinned.bpf.c", import.meta.url));

const packet = { data: new Uint8Array(64) };

function isCode(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof BpfkitError && error.code === code && pattern.test(error.message);
}

if (object !== undefined) {
  const fresh = (): CollectionSpec => CollectionSpec.fromObject(object, "pinned.bpf.o");

  kernelTest("a map that is pinned by name keeps its counts for the next load", async (kernel) => {
    await withPins((pinRoot) => {
      const first = Collection.load(fresh(), kernel, { pinRoot });
      assert.is(first.maps.get("kept")?.reused, false);
      for (let run = 0; run < 5; run++) first.programs.get("count")?.testRun(packet);
      first.close();
      assert.ok(existsSync(`${pinRoot}/kept`));
      assert.not.ok(existsSync(`${pinRoot}/lent`), "only maps that ask for it are pinned");
      const second = Collection.load(fresh(), kernel, { pinRoot });
      second.programs.get("count")?.testRun(packet);
      assert.is(second.maps.get("kept")?.reused, true);
      assert.equal(second.maps.get("kept")?.lookup(1), 6n);
      second.close();
    });
  });

  kernelTest("a pin of another shape is refused, and stays", async (kernel) => {
    await withPins((pinRoot) => {
      Collection.load(fresh(), kernel, { pinRoot }).close();
      const spec = fresh();
      const kept = spec.maps.get("kept");
      assert.ok(kept);
      kept.maxEntries = 3;
      kept.flags = 1 << 10;
      assert.throws(
        () => Collection.load(spec, kernel, { pinRoot }),
        isCode("LD080", /map kept .*pinned at .*\/kept, which has max_entries 2, not 3; flags 0, not 1024/),
      );
      assert.ok(existsSync(`${pinRoot}/kept`));
    });
  });

  kernelTest(
    "a pinned program is no map, and a folder of another file system takes no pins",
    async (kernel) => {
      await withPins((pinRoot) => {
        const loaded = Collection.load(fresh(), kernel, { pinRoot });
        kernel.objects.unpin(`${pinRoot}/kept`);
        loaded.programs.get("count")?.pin(`${pinRoot}/kept`);
        loaded.close();
        assert.throws(
          () => Collection.load(fresh(), kernel, { pinRoot }),
          isCode("LD080", /a program is pinned, not a map/),
        );
        assert.throws(
          () => Collection.load(fresh(), kernel, { pinRoot: "/tmp" }),
          isCode("LD080", /could not be pinned at \/tmp\/kept/),
        );
      });
    },
  );

  kernelTest("where loading fails, new pins are removed again", async (kernel) => {
    await withPins((pinRoot) => {
      const spec = fresh();
      const lent = spec.maps.get("lent");
      assert.ok(lent);
      lent.type = 999;
      assert.throws(() => Collection.load(spec, kernel, { pinRoot }), isCode("LD051", /map lent/));
      assert.not.ok(existsSync(`${pinRoot}/kept`));
    });
  });

  kernelTest("a lent map is used, and left to its owner", async (kernel) => {
    await withPins((pinRoot) => {
      const owner = Collection.load(fresh(), kernel, { pinRoot });
      const lent = owner.maps.get("lent");
      assert.ok(lent);
      const user = Collection.load(fresh(), kernel, { pinRoot, maps: new Map([["lent", lent]]) });
      user.programs.get("count")?.testRun(packet);
      user.close();
      assert.equal([...lent.entries()], [[1, 1n]]);
      const spec = fresh();
      const other = spec.maps.get("lent");
      assert.ok(other);
      other.type = MapType.LruHash;
      assert.throws(
        () => Collection.load(spec, kernel, { pinRoot, maps: new Map([["lent", lent]]) }),
        isCode("LD081", /lru_hash of 4-byte keys and 8-byte values and there hash/),
      );
      owner.close();
    });
  });

  kernelTest("max_entries and constants changed before loading are those of the kernel", async (kernel) => {
    await withPins((pinRoot) => {
      const spec = fresh();
      const kept = spec.maps.get("kept");
      assert.ok(kept);
      kept.maxEntries = 7;
      const slot = spec.variables.get("slot");
      assert.ok(slot?.map.contents);
      slot.map.contents[slot.offset] = 5;
      const loaded = Collection.load(spec, kernel, { pinRoot });
      loaded.programs.get("count")?.testRun(packet);
      assert.equal(loaded.maps.get("kept")?.lookup(5), 1n);
      loaded.close();
    });
  });
}

test.run();
