// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/** How an answer is drawn and where it ends. Set what differs. */
public final class Sampling {
  /** 0: always the likeliest token. */
  public double temperature;
  /** In (0, 1]; 1: off. */
  public double topP = 1;
  /** 0: off. */
  public int topK;
  /** Equal seeds draw equal answers. */
  public long seed;
  /** 0: until the model ends it, or the context. */
  public int maxTokens = 256;
  /** Texts that end the answer in front of them, at most 16. */
  public String[] stops = {};
  /** Guesses ahead: the same answer, sooner where it repeats. */
  public boolean draft;
}
