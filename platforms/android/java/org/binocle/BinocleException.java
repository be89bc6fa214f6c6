// SPDX-License-Identifier: Apache-2.0
package org.binocle;

import java.nio.charset.StandardCharsets;

/** A call of the library failed; the message is the library's own line. The object that it was called on stays usable. */
public final class BinocleException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Why, as bnc_status has it. */
  public enum Status {
    OK, ARGUMENT, MEMORY, IO, FORMAT, UNSUPPORTED, LIMIT, CANCELLED, INTERNAL
  }

  private final Status status;

  /** From native code: text is UTF-8, of which some, such as emoji, is none of JNI's own strings. */
  BinocleException(int status, byte[] message) {
    super(new String(message, StandardCharsets.UTF_8));
    Status[] all = Status.values();
    this.status = status >= 0 && status < all.length ? all[status] : Status.INTERNAL;
  }

  public Status status() {
    return status;
  }
}
