/** Bits 7-6 of the type byte, and what they say (OMA Core 1.2 7.4, TLV). */
export const KIND = 0xc0;
export const INSTANCE = 0x00;
export const RESOURCE_INSTANCE = 0x40;
export const MULTIPLE = 0x80;
export const RESOURCE = 0xc0;

/** Bit 5: the id has 16 bits. */
export const WIDE_ID = 0x20;

/** The longest value that a header can tell. */
export const MOST_BYTES = 0xffffff;
