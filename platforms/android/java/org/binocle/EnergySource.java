// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/** Whatever tells how much energy the device has used. */
public interface EnergySource extends AutoCloseable {
  /** Joules since it was made; NaN: not known now. Take the difference of two readings. */
  double joules();

  @Override
  void close();
}
