/** What is loaded in a kernel, whoever loaded it: programs, maps, links and types. */
export {
  type BtfUsers,
  btfUsers,
  describeLoadedBtf,
  type LoadedBtf,
  type TypeRecord,
  typeRecord,
  typeRecordJson,
  typeRecordText,
} from "./btf.ts";
export { Fields, type JsonNode, jsonText, RawText } from "./json-text.ts";
export { describeLoadedLink, type LoadedLink, linkTypeName } from "./links.ts";
export { type MachineFunction, machineFunctions } from "./machine-code.ts";
export { describeLoadedMap, type LoadedMap, type MapEntry, type MapTypes, OpenMap } from "./maps.ts";
export { describeLoadedProgram, type LineRecord, type LoadedProgram } from "./programs.ts";
export { type Selector, selectedObject, selectedObjects } from "./select.ts";
export { type TranslatedInstruction, translatedInstructions } from "./translated.ts";
export { typedValue } from "./typed-value.ts";
export { LoadedTypes } from "./types.ts";
export { eachObject, objectIds } from "./walk.ts";
