// SPDX-License-Identifier: Apache-2.0
package android.os;

/** As much of Android's class as BatteryEnergy uses. */
public final class BatteryManager {
  public static final int BATTERY_PROPERTY_CURRENT_NOW = 2;
  public static final String EXTRA_PLUGGED = "plugged", EXTRA_VOLTAGE = "voltage";
  public static volatile int current;

  public int getIntProperty(int id) {
    return id == BATTERY_PROPERTY_CURRENT_NOW ? current : Integer.MIN_VALUE;
  }
}
