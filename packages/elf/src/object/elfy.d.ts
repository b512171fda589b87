/** The part of elfy 1.0.0 that section-walk.ts uses; the package has no types of its own. */
declare module "elfy" {
  /** Bytes with the Buffer methods that elfy calls. */
  interface ElfyInput {
    readonly length: number;
    readonly [index: number]: number;
    slice(start: number, end: number): ElfyInput;
    toString(): string;
    readUInt16LE(offset: number): number;
    readUInt32LE(offset: number): number;
  }
  /** One section header with its name resolved. `addralign` and `entsize` are wrong in 64-bit files. */
  interface ElfySection {
    readonly name: string;
    readonly off: number;
    readonly size: number;
    readonly link: number;
    readonly info: number;
  }
  /** A parsed file. */
  interface ElfyFile {
    readonly flags: number;
    readonly body: { readonly sections: readonly ElfySection[] };
  }
  /** Throws plain errors for what it does not like. */
  function parse(bytes: ElfyInput): ElfyFile;
  /** CommonJS: the module itself is the default export. */
  const elfy: { readonly parse: typeof parse };

  // biome-ignore lint/style/noDefaultExport: the package is CommonJS and has no other export
  export { type ElfyFile, type ElfyInput, elfy as default };
}
