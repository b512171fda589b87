/** Names in printed C: unique in their name space, and nothing but identifiers. */

const identifier = /^[A-Za-z_$][\w$]*$/;

/** A BTF name as a C identifier; BTF of other languages may have names that C cannot. */
export function cIdentifier(name: string): string {
  if (identifier.test(name)) return name;
  const replaced = name.replace(/[^\w$]/g, "_");
  return identifier.test(replaced) ? replaced : `_${replaced}`;
}

/**
 * The two name spaces of file-level C. The first type to ask for a name gets it, later ones get `name___2` and so on: what
 * follows three underscores is ignored by CO-RE.
 */
export class CNames {
  readonly #tags = new Map<string, number>();
  readonly #ordinary = new Map<string, number>();
  readonly #byId = new Map<number, string>();

  /** The tag of a struct, union or enum: the same for the same id. */
  tag(id: number, name: string): string {
    return this.#unique(this.#tags, id, name);
  }

  /** The name of a typedef: the same for the same id. */
  typedef(id: number, name: string): string {
    return this.#unique(this.#ordinary, id, name);
  }

  /** The tag for a type that is only declared: shared with whatever defines the name. */
  declared(name: string): string {
    return cIdentifier(name);
  }

  /** A name for an enumerator, used up by this call. */
  enumerator(name: string): string {
    return take(this.#ordinary, cIdentifier(name));
  }

  #unique(space: Map<string, number>, id: number, name: string): string {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const unique = take(space, cIdentifier(name));
    this.#byId.set(id, unique);
    return unique;
  }
}

function take(space: Map<string, number>, name: string): string {
  const uses = (space.get(name) ?? 0) + 1;
  space.set(name, uses);
  if (uses === 1) return name;
  const numbered = `${name}___${uses}`;
  return space.has(numbered) ? take(space, name) : take(space, numbered);
}
