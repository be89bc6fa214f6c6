// SPDX-License-Identifier: Apache-2.0
package org.binocle.android;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;
import org.binocle.EnergySource;
import org.binocle.PowerIntegral;

/**
 * What the battery gives, by its current and voltage, four times a second. It counts the whole device, screen included; on a charger it says NaN.
 */
public final class BatteryEnergy implements EnergySource {
  private static final long PERIOD_MILLISECONDS = 250;

  private final Context context;
  private final BatteryManager battery;
  private final PowerIntegral integral = new PowerIntegral();
  private final Thread sampler = new Thread(this::sample, "binocle-energy");
  private volatile boolean known;

  public BatteryEnergy(Context context) {
    this.context = context.getApplicationContext();
    battery = (BatteryManager) context.getSystemService(Context.BATTERY_SERVICE);
    measure();
    sampler.setDaemon(true);
    sampler.start();
  }

  /** Watts out of a current in microamperes, whose sign makers do not agree on, and a voltage in millivolts. */
  static double watts(int microamperes, int millivolts) {
    if (microamperes == Integer.MIN_VALUE || microamperes == 0 || millivolts <= 0) return Double.NaN;
    return Math.abs((double) microamperes) * 1e-6 * millivolts * 1e-3;
  }

  private void measure() {
    Intent state = context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED)); // the last one, at once
    boolean plugged = state == null || state.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0;
    double watts = plugged || battery == null
        ? Double.NaN
        : watts(battery.getIntProperty(BatteryManager.BATTERY_PROPERTY_CURRENT_NOW), state.getIntExtra(BatteryManager.EXTRA_VOLTAGE, 0));
    integral.add(System.nanoTime(), watts);
    known = !Double.isNaN(watts);
  }

  private void sample() {
    try {
      while (true) {
        Thread.sleep(PERIOD_MILLISECONDS);
        measure();
      }
    } catch (InterruptedException e) {
      // close
    }
  }

  @Override
  public double joules() {
    return known ? integral.joules() : Double.NaN;
  }

  @Override
  public void close() {
    sampler.interrupt();
  }
}
