// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/**
 * The address of a native object, which lives as long as anyone uses it: its owner until it is closed, and what was made from it. So the order
 * in which a program closes its objects does not matter.
 */
final class NativeHandle {
  interface Destroyer {
    void destroy(long address);
  }

  private final long address;
  private final NativeHandle parent;
  private final Destroyer destroyer;
  private int users = 1;
  private boolean closed;

  NativeHandle(long address, NativeHandle parent, Destroyer destroyer) {
    this.address = address;
    this.parent = parent;
    this.destroyer = destroyer;
  }

  /** To be given back by release. Fails where the owner has closed it. */
  synchronized long acquire() {
    if (closed) throw new IllegalStateException("it is closed");
    users++;
    return address;
  }

  void release() {
    synchronized (this) {
      if (--users > 0) return;
    }
    destroyer.destroy(address);
    if (parent != null) parent.release();
  }

  /** By the owner; a second time does nothing. */
  void close() {
    synchronized (this) {
      if (closed) return;
      closed = true;
    }
    release();
  }
}
