// SPDX-License-Identifier: Apache-2.0
package android.content;

import android.os.BatteryManager;

public final class Context {
  public static final String BATTERY_SERVICE = "batterymanager";

  public Context getApplicationContext() {
    return this;
  }

  public Object getSystemService(String name) {
    return name.equals(BATTERY_SERVICE) ? new BatteryManager() : null;
  }

  public Intent registerReceiver(BroadcastReceiver receiver, IntentFilter filter) {
    return new Intent();
  }
}
