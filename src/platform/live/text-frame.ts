/** A message as it travels, made once and written to many: what differs per connection is nothing. */
export type Frame = Buffer;

const finalText = 0x81;

/** A whole, unmasked, uncompressed text frame of RFC 6455. */
export function textFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  const headLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headLength + length);
  frame[0] = finalText;
  if (headLength === 2) frame[1] = length;
  else if (headLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headLength, 'utf8');
  return frame;
}
