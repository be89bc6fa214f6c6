// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/** Gets an answer as it comes, on the thread that generates. */
public interface TokenListener {
  /**
   * A piece of whole characters; empty where one is not complete yet. id is the token that completed it, -1 at the end. False ends the answer.
   * What it throws ends the answer too, and comes out of the call that generates.
   */
  boolean onText(int id, String text);
}
