const polynomial = 0x1021;

const table: Uint16Array = makeTable();

/** CRC-16/XMODEM of the text's UTF-8 bytes, as Redis Cluster computes it for its slots. */
export function crc16(text: string): number {
  let crc = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return crc16OfBytes(Buffer.from(text));
    crc = ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ code) & 0xff] ?? 0);
  }
  return crc;
}

function crc16OfBytes(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ byte) & 0xff] ?? 0);
  return crc;
}

function makeTable(): Uint16Array {
  const made = new Uint16Array(256);
  for (let index = 0; index < 256; index++) {
    let crc = index << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ polynomial : crc << 1;
    made[index] = crc & 0xffff;
  }
  return made;
}
