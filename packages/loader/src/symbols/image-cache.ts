/** Programs and libraries by path, opened once however many processes run them, with the symbols of their debug files. */
import type { KernelFiles, ReadableFile } from "@bpfkit/base/kernel";
import { ElfImage } from "./elf-image.ts";
import { type ElfSymbol, ElfSymbols } from "./elf-symbols.ts";

/** Where distributions put debug files; below it by build id, or by the program's own folder. */
const debugRoot = "/usr/lib/debug";

/** Each holds a descriptor; the ones unused for longest are closed when there are more. */
const mostImages = 128;

/** A program with its symbols, which are read when one is first asked for. */
export class SymbolImage {
  readonly image: ElfImage;
  readonly #openDebugFile: (image: ElfImage) => ElfImage | undefined;
  #debugFile: ElfImage | undefined;
  #symbols: ElfSymbols | undefined | null = null;

  constructor(image: ElfImage, openDebugFile: (image: ElfImage) => ElfImage | undefined) {
    this.image = image;
    this.#openDebugFile = openDebugFile;
  }

  /** The function at an offset in the file. */
  findAtOffset(offset: number): ElfSymbol | undefined {
    if (this.#symbols === null) this.#symbols = this.#readSymbols();
    const address = this.image.addressOfOffset(offset);
    return address === undefined ? undefined : this.#symbols?.find(address);
  }

  close(): void {
    this.image.file.close();
    this.#debugFile?.file.close();
  }

  /** A stripped program's functions are in its debug file, or else only those that it exports are known. */
  #readSymbols(): ElfSymbols | undefined {
    if (ElfSymbols.isComplete(this.image)) return ElfSymbols.read(this.image);
    this.#debugFile = this.#openDebugFile(this.image);
    const complete = this.#debugFile === undefined ? undefined : ElfSymbols.read(this.#debugFile);
    return complete ?? ElfSymbols.read(this.image);
  }
}

/** The images of a machine. */
export class ImageCache {
  readonly #files: KernelFiles;
  readonly #images = new Map<string, SymbolImage | undefined>();

  constructor(files: KernelFiles) {
    this.#files = files;
  }

  /**
   * The image behind an open file, which is taken over: it may be one that is known already.
   * @param path of the program, without `root`
   * @param root the root folder of the process, such as `/proc/7/root`
   */
  imageOf(file: ReadableFile, path: string, root: string): SymbolImage | undefined {
    const { identity } = file;
    if (this.#images.has(identity)) {
      file.close();
      const known = this.#images.get(identity);
      this.#images.delete(identity);
      this.#images.set(identity, known);
      return known;
    }
    const image = ElfImage.read(file);
    if (image === undefined) file.close();
    const made =
      image === undefined
        ? undefined
        : new SymbolImage(image, (stripped) => this.#debugFile(stripped, path, root));
    this.#images.set(identity, made);
    this.#dropOldest();
    return made;
  }

  /** Notes that an image is in use; false where it was closed meanwhile. */
  stillHas(image: SymbolImage): boolean {
    const { identity } = image.image.file;
    if (this.#images.get(identity) !== image) return false;
    this.#images.delete(identity);
    this.#images.set(identity, image);
    return true;
  }

  /** Closes all files. */
  close(): void {
    for (const image of this.#images.values()) image?.close();
    this.#images.clear();
  }

  #dropOldest(): void {
    for (const [identity, image] of this.#images) {
      if (this.#images.size <= mostImages) return;
      image?.close();
      this.#images.delete(identity);
    }
  }

  /** By build id, then by .gnu_debuglink (gdb's manual, "Debugging Information in Separate Files"). */
  #debugFile(image: ElfImage, path: string, root: string): ElfImage | undefined {
    const { buildId, debugLink } = image;
    const folder = path.slice(0, path.lastIndexOf("/"));
    const candidates: string[] = [];
    if (buildId !== undefined && buildId.length > 2) {
      candidates.push(`${debugRoot}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`);
    }
    if (debugLink !== undefined) {
      candidates.push(
        `${folder}/${debugLink}`,
        `${folder}/.debug/${debugLink}`,
        `${debugRoot}${folder}/${debugLink}`,
      );
    }
    const roots = root === "" ? [""] : [root, ""];
    for (const candidate of candidates) {
      for (const prefix of roots) {
        const found = this.#open(prefix + candidate);
        // A debug file of another build would give wrong names.
        if (found !== undefined && found.buildId === buildId) return found;
        found?.file.close();
      }
    }
    return undefined;
  }

  #open(path: string): ElfImage | undefined {
    const file = this.#files.openFile(path);
    const image = file === undefined ? undefined : ElfImage.read(file);
    if (image === undefined) file?.close();
    return image;
  }
}
