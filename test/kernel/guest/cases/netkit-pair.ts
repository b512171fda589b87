/** Makes a pair of netkit devices: a message of rtnetlink, because busybox's ip does not know them. */
import koffi from "koffi";

/** Values of uapi linux/netlink.h, linux/rtnetlink.h and linux/if_link.h. */
const addressFamily = 16;
const newLink = 16;
const requestCreate = 0x1 | 0x4 | 0x200 | 0x400;
const Attribute = { Name: 3, LinkInfo: 18, InfoKind: 1, InfoData: 2, PeerInfo: 1 } as const;
/** Of struct nlmsghdr, and of struct ifinfomsg, all zero. */
const headerSize = 16;
const noInterface = Buffer.alloc(16);

function attribute(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const bytes = Buffer.alloc((4 + content.length + 3) & ~3);
  bytes.writeUInt16LE(4 + content.length, 0);
  bytes.writeUInt16LE(type, 2);
  content.copy(bytes, 4);
  return bytes;
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** @throws Error with the errno where the kernel refuses */
export function makeNetkitPair(primary: string, peer: string): void {
  const other = attribute(Attribute.PeerInfo, noInterface, attribute(Attribute.Name, text(peer)));
  const kind = attribute(Attribute.InfoKind, text("netkit"));
  const body = Buffer.concat([
    noInterface,
    attribute(Attribute.Name, text(primary)),
    attribute(Attribute.LinkInfo, kind, attribute(Attribute.InfoData, other)),
  ]);
  const header = Buffer.alloc(headerSize);
  header.writeUInt32LE(headerSize + body.length, 0);
  header.writeUInt16LE(newLink, 4);
  header.writeUInt16LE(requestCreate, 6);
  const library = koffi.load("libc.so.6");
  const open = library.func("int socket(int, int, int)");
  const send = library.func("int send(int, void *, uint64_t, int)");
  const receive = library.func("int recv(int, void *, uint64_t, int)");
  const close = library.func("int close(int)");
  const socket = open(addressFamily, 3, 0) as number;
  try {
    const message = Buffer.concat([header, body]);
    if ((send(socket, message, message.length, 0) as number) !== message.length)
      throw new Error("send failed");
    const answer = Buffer.alloc(4096);
    receive(socket, answer, answer.length, 0);
    const error = answer.readInt32LE(headerSize);
    if (error !== 0) throw new Error(`the kernel makes no netkit pair: errno ${-error}`);
  } finally {
    close(socket);
  }
}
