/** So much unsent is no slow reader any more: the connection goes. */
export const MOST_UNSENT_BYTES = 1 << 20;
