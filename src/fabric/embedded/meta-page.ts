// Where LMDB keeps what it says of its file: two pages at its beginning, written in turn (lmdb 3.5, data version 2).

/** Places in such a page, in bytes; numbers are little-endian. */
export const AT = { magic: 24, version: 28, pageSize: 48, lastPage: 144, transaction: 152 } as const;

/** So much of a page is read. */
export const META_BYTES = 160;

/** The number of the commit that wrote a page. */
export function transactionOf(page: Buffer): bigint {
  return page.readBigUInt64LE(AT.transaction);
}
