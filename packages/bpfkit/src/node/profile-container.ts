/** The `.bpfkit-profile` file: a JSON header and separately compressed sections, so that BTF costs only its own decoding. */
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** First bytes of every profile file: a name, and a byte that text transfers destroy. */
const Magic = Uint8Array.of(0x42, 0x50, 0x46, 0x4b, 0x49, 0x54, 0x50, 0x0a);
const FormatVersion = 1;
/** Magic, u32 format version, u32 header size; all little-endian. */
const PreambleSize = 16;
/** Far above any kernel's BTF; a header that asks for more is damaged. */
const LargestSection = 1 << 28;

/** One section as the header describes it. Sections follow the header in this order without gaps. */
export interface ProfileSection {
  readonly name: string;
  /** Bytes in the file. */
  readonly size: number;
  /** Bytes once decompressed. */
  readonly rawSize: number;
  readonly compression: "brotli";
}

/** The header: what kernel this is and what the file holds. */
export interface ProfileHeader {
  readonly name: string;
  readonly release: string;
  readonly architecture: "x86_64" | "arm64";
  readonly origin: { readonly package: string; readonly version: string; readonly sha256: string };
  readonly sections: readonly ProfileSection[];
}

/** An opened profile file. */
export interface ProfileContainer {
  readonly header: ProfileHeader;
  /** The compressed bytes of a section, a view into the file. @throws BpfkitError PF001 when there is none. */
  section(name: string): { readonly bytes: Uint8Array; readonly rawSize: number };
}

/** Lays a profile file out. `sections` are already compressed. */
export function writeProfileContainer(
  header: Omit<ProfileHeader, "sections">,
  sections: readonly { readonly name: string; readonly bytes: Uint8Array; readonly rawSize: number }[],
): Uint8Array {
  const described: ProfileHeader = {
    ...header,
    sections: sections.map(({ name, bytes, rawSize }) => ({
      name,
      size: bytes.length,
      rawSize,
      compression: "brotli",
    })),
  };
  const text = new TextEncoder().encode(JSON.stringify(described));
  const total = sections.reduce((sum, { bytes }) => sum + bytes.length, PreambleSize + text.length);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  file.set(Magic);
  view.setUint32(8, FormatVersion, true);
  view.setUint32(12, text.length, true);
  file.set(text, PreambleSize);
  let offset = PreambleSize + text.length;
  for (const { bytes } of sections) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

/**
 * Opens a profile file without decompressing anything.
 * @param fileName for messages
 * @throws BpfkitError PF001 where it is not a profile, is damaged, or is of a newer format
 */
export function readProfileContainer(file: Uint8Array, fileName: string): ProfileContainer {
  const refuse = (why: string, cause?: unknown): never => {
    throw new BpfkitError("PF001", `${fileName} is not a usable kernel profile: ${why}`, { cause });
  };
  if (file.length < PreambleSize || Magic.some((byte, index) => file[index] !== byte)) {
    refuse("it does not start as one");
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const version = view.getUint32(8, true);
  if (version !== FormatVersion) refuse(`format ${version} is unknown to this version of bpfkit`);
  const headerEnd = PreambleSize + view.getUint32(12, true);
  if (headerEnd > file.length) refuse("it is cut off");
  let header: ProfileHeader;
  try {
    header = checkHeader(JSON.parse(new TextDecoder().decode(file.subarray(PreambleSize, headerEnd))));
  } catch (error) {
    return refuse("its header is damaged", error);
  }
  const offsets = new Map<string, number>();
  let end = headerEnd;
  for (const section of header.sections) {
    offsets.set(section.name, end);
    end += section.size;
  }
  if (end !== file.length) refuse("its sections do not fill it");
  return {
    header,
    section(name) {
      const description = header.sections.find((section) => section.name === name);
      const start = offsets.get(name);
      if (description === undefined || start === undefined) return refuse(`it has no section ${name}`);
      return { bytes: file.subarray(start, start + description.size), rawSize: description.rawSize };
    },
  };
}

function checkHeader(value: unknown): ProfileHeader {
  const header = value as Partial<ProfileHeader> | null;
  const { name, release, architecture, origin, sections } = header ?? {};
  const isSize = (size: unknown) =>
    Number.isSafeInteger(size) && Number(size) >= 0 && Number(size) <= LargestSection;
  if (
    typeof name !== "string" ||
    typeof release !== "string" ||
    (architecture !== "x86_64" && architecture !== "arm64") ||
    typeof origin?.package !== "string" ||
    typeof origin.version !== "string" ||
    typeof origin.sha256 !== "string" ||
    !Array.isArray(sections)
  ) {
    throw new TypeError("missing members");
  }
  for (const section of sections as readonly (Partial<ProfileSection> | null)[]) {
    if (
      typeof section?.name !== "string" ||
      section.compression !== "brotli" ||
      !isSize(section.size) ||
      !isSize(section.rawSize)
    ) {
      throw new TypeError("bad section");
    }
  }
  return { name, release, architecture, origin, sections };
}
