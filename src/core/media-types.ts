/** The two media types that windows and their answers come in. */
export const JSON_TYPE = 'application/json';
/** Float32 values in the machine's byte order, which is little-endian wherever this program runs. */
export const BINARY_TYPE = 'application/octet-stream';
/** What a route takes whose body may be either. */
export const JSON_OR_BINARY: readonly string[] = [JSON_TYPE, 'application/*+json', BINARY_TYPE];
