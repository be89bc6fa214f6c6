// SPDX-License-Identifier: Apache-2.0
package android.content;

/** The battery's state, as BatteryEnergy asks for it. */
public final class Intent {
  public static final String ACTION_BATTERY_CHANGED = "android.intent.action.BATTERY_CHANGED";
  public static volatile int plugged, voltage;

  public int getIntExtra(String name, int otherwise) {
    return name.equals("plugged") ? plugged : name.equals("voltage") ? voltage : otherwise;
  }
}
