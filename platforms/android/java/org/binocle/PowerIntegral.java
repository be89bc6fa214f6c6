// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/** Joules out of readings of power: the area below the straight lines between them. */
public final class PowerIntegral {
  private static final double LONGEST_GAP = 5; // seconds; beyond it nobody knows what went on

  private double joules, lastWatts = Double.NaN;
  private long lastNanoseconds;

  /** A reading that is no number leaves a gap. */
  public synchronized void add(long nanoseconds, double watts) {
    double seconds = (nanoseconds - lastNanoseconds) * 1e-9;
    if (!Double.isNaN(watts) && !Double.isNaN(lastWatts) && seconds > 0 && seconds <= LONGEST_GAP) joules += (watts + lastWatts) / 2 * seconds;
    lastWatts = watts;
    lastNanoseconds = nanoseconds;
  }

  public synchronized double joules() {
    return joules;
  }
}
