/** The simulated file system: names, and dentry, inode, mount and file structs for those that a probe looks at. */
import type { KernelObject, KernelObjects } from "./kernel-object.ts";

/** What a path leads to. */
export interface FileNode {
  readonly name: string;
  /** The directory it is in; the root's parent is itself. */
  readonly parent: FileNode;
  readonly children: Map<string, FileNode>;
  /** S_IFMT and permission bits. */
  readonly mode: number;
  readonly inode: number;
  readonly uid: number;
  readonly size: number;
  dentry: KernelObject | undefined;
}

/** How a file is added. */
export interface FileDescription {
  readonly mode?: number;
  readonly uid?: number;
  readonly size?: number;
}

/** File types and usual permissions. */
export const FileMode = { directory: 0o040755, regular: 0o100644, program: 0o100755 } as const;

/** Names up to this many bytes, the final zero included, are inside the dentry (x86-64). */
const InlineNameSize = 32;

/** FMODE_READ, FMODE_WRITE and FMODE_OPENED. */
const OpenedMode = { read: 1, write: 2, opened: 0x8_0000 } as const;

/** One ext4 file system mounted at the root. */
export class FileTree {
  readonly root: FileNode;
  readonly #objects: KernelObjects;
  readonly #mountNamespace: () => bigint;
  #nextInode = 2;
  #mount: KernelObject | undefined;

  constructor(objects: KernelObjects, mountNamespace: () => bigint) {
    this.#objects = objects;
    this.#mountNamespace = mountNamespace;
    const root = {
      name: "/",
      children: new Map<string, FileNode>(),
      mode: FileMode.directory,
      inode: this.#nextInode++,
      uid: 0,
      size: 4096,
      dentry: undefined,
    };
    this.root = Object.assign(root, { parent: root as unknown as FileNode });
  }

  /** Adds a file and the directories on the way to it; an existing one is kept. `path` is absolute. */
  add(path: string, description: FileDescription = {}): FileNode {
    const names = path.split("/").filter((name) => name !== "");
    let node = this.root;
    names.forEach((name, index) => {
      const isLast = index === names.length - 1;
      const known = node.children.get(name);
      const next: FileNode = known ?? {
        name,
        parent: node,
        children: new Map(),
        mode: isLast ? (description.mode ?? FileMode.regular) : FileMode.directory,
        inode: this.#nextInode++,
        uid: isLast ? (description.uid ?? 0) : 0,
        size: isLast ? (description.size ?? 4096) : 4096,
        dentry: undefined,
      };
      node.children.set(name, next);
      node = next;
    });
    return node;
  }

  /** The file at an absolute path. */
  find(path: string): FileNode | undefined {
    let node: FileNode | undefined = this.root;
    for (const name of path.split("/")) if (name !== "") node = node?.children.get(name);
    return node;
  }

  /** The `struct dentry` of a file, with its inode; parents are laid out on the way. */
  dentry(node: FileNode): KernelObject {
    const missing: FileNode[] = [];
    for (let at = node; at.dentry === undefined; at = at.parent) {
      missing.push(at);
      if (at.parent === at) break;
    }
    for (const at of missing.reverse()) at.dentry = this.#layOut(at);
    return node.dentry!;
  }

  /** Address of the `struct vfsmount` inside the root mount. */
  get mountAddress(): bigint {
    return this.#rootMount().addressOf("mnt");
  }

  /** A new `struct file`. `flags` as open(2). */
  openFile(node: FileNode, flags: number): KernelObject {
    const dentry = this.dentry(node);
    const access = flags & 3;
    const mode =
      (access === 1 ? 0 : OpenedMode.read) | (access === 0 ? 0 : OpenedMode.write) | OpenedMode.opened;
    return this.#objects.create("file").set({
      "f_path.dentry": dentry.address,
      "f_path.mnt": this.mountAddress,
      f_inode: this.inodeAddress(dentry),
      f_flags: flags,
      f_mode: mode,
      "f_count.counter": 1,
    });
  }

  inodeAddress(dentry: KernelObject): bigint {
    const place = this.#objects.layouts.field("dentry", "d_inode");
    return place === undefined ? 0n : this.#objects.memory.getUint64(dentry.address + BigInt(place.offset));
  }

  #layOut(node: FileNode): KernelObject {
    const dentry = this.#objects.create("dentry");
    const inode = this.#objects.create("inode").set({
      i_ino: node.inode,
      i_mode: node.mode,
      "i_uid.val": node.uid,
      "i_gid.val": node.uid,
      i_size: node.size,
      __i_nlink: 1,
      i_nlink: 1,
      i_blkbits: 12,
    });
    const length = new TextEncoder().encode(node.name).length;
    const isInline = length < InlineNameSize && dentry.addressOf("d_iname") !== 0n;
    dentry.set({
      "d_name.name": isInline ? dentry.addressOf("d_iname") : this.#objects.string(node.name),
      "d_name.len": length,
      "d_name.hash": node.inode * 0x9e37,
      d_inode: inode.address,
      d_parent: node.parent === node ? dentry.address : node.parent.dentry!.address,
    });
    if (isInline) dentry.set({ d_iname: node.name });
    if (node.parent === node) {
      node.dentry = dentry;
      this.#rootMount();
    }
    const superBlock = this.#superBlock;
    dentry.set({ d_sb: superBlock });
    inode.set({ i_sb: superBlock });
    return dentry;
  }

  #superBlock = 0n;

  #rootMount(): KernelObject {
    if (this.#mount !== undefined) return this.#mount;
    const mount = this.#objects.create("mount");
    this.#mount = mount;
    const type = this.#objects.create("file_system_type").set({ name: this.#objects.string("ext4") });
    const superBlock = this.#objects.create("super_block").set({
      s_type: type.address,
      s_magic: 0xef53,
      s_dev: (259 << 20) | 2,
      s_blocksize: 4096,
      s_blocksize_bits: 12,
      s_id: "nvme0n1p2",
    });
    this.#superBlock = superBlock.address;
    const root = this.dentry(this.root);
    superBlock.set({ s_root: root.address });
    mount.set({
      "mnt.mnt_root": root.address,
      "mnt.mnt_sb": superBlock.address,
      mnt_mountpoint: root.address,
      mnt_parent: mount.address,
      mnt_id: 28,
      mnt_ns: this.#mountNamespace(),
      mnt_devname: this.#objects.string("/dev/nvme0n1p2"),
    });
    return mount;
  }
}
