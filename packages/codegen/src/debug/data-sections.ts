/** BTF `datasec` types: which variables lie in which section. */
import { compareText } from "./text-order.ts";
import type { TypeDrafts } from "./type-drafts.ts";

/** One variable or external function in a section. */
export interface SectionEntry {
  /** Number of its `var` or `func`. */
  readonly type: number;
  /** Its symbol. */
  readonly symbol: string;
  /** Bytes. */
  readonly size: number;
}

/** A datasec with the number it got. */
export interface PlacedSection {
  readonly name: string;
  readonly id: number;
  readonly entries: readonly SectionEntry[];
}

/** Collects entries by section. */
export class DataSections {
  private readonly sections = new Map<string, SectionEntry[]>();

  /** Adds an entry; entries stay in the order they come. */
  add(section: string, entry: SectionEntry): void {
    this.declare(section).push(entry);
  }

  /** Makes sure the section exists, even without entries. */
  declare(section: string): SectionEntry[] {
    let entries = this.sections.get(section);
    if (entries === undefined) {
      entries = [];
      this.sections.set(section, entries);
    }
    return entries;
  }

  /** Adds the datasecs, in order of their names. `offsetOf` gives the number stored for an entry. */
  finish(drafts: TypeDrafts, offsetOf: (entry: SectionEntry) => number): PlacedSection[] {
    const placed: PlacedSection[] = [];
    for (const [name, entries] of [...this.sections].sort((a, b) => compareText(a[0], b[0]))) {
      const id = drafts.add(undefined, () => ({
        kind: "datasec",
        name,
        size: 0,
        entries: entries.map((each) => ({ type: each.type, offset: offsetOf(each), size: each.size })),
      }));
      placed.push({ name, id, entries });
    }
    return placed;
  }
}
