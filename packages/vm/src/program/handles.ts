/** 64-bit values that stand for maps and functions in registers. They point nowhere: loads through them fault. */

/** Upper word of a map handle; the lower word is the map's id. Looks like a vmalloc address. */
export const MAP_HANDLE_HIGH = 0xffff_c900 | 0;

/** Upper and lower word of the handle of function 0; the function's number is added to the lower word. */
export const FUNCTION_HANDLE_HIGH = 0xffff_ffff | 0;
/** See {@link FUNCTION_HANDLE_HIGH}. Looks like an address of JIT-compiled code. */
export const FUNCTION_HANDLE_LOW = 0xc000_0000 | 0;
