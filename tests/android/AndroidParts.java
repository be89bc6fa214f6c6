// SPDX-License-Identifier: Apache-2.0

import android.content.Context;
import android.content.Intent;
import android.graphics.Bitmap;
import android.os.BatteryManager;
import java.awt.image.BufferedImage;
import java.io.File;
import javax.imageio.ImageIO;
import org.binocle.Model;
import org.binocle.Session;
import org.binocle.android.BatteryEnergy;
import org.binocle.android.Bitmaps;

/** What needs Android's classes, on the few of them that stubs/ imitates. */
final class AndroidParts {
  private static final String QUESTION = "In the picture, what colour is the sign?";

  private AndroidParts() {}

  static void bitmaps(Model model, String data) throws Exception {
    File file = new File(data + "/image/photo.png");
    BufferedImage image = ImageIO.read(file);
    int width = image.getWidth(), height = image.getHeight();
    int[] argb = image.getRGB(0, 0, width, height, null, 0, width);
    for (Bitmap.Config config : Bitmap.Config.values()) {
      try (Session session = model.newSession(); Session other = model.newSession()) {
        Bitmaps.add(session, new Bitmap(argb, width, config));
        other.addImage(file.getPath());
        session.ask(QUESTION);
        other.ask(QUESTION);
        session.save("bitmap.state");
        other.save("file.state");
        JvmTest.holds(java.util.Arrays.equals(JvmTest.bytes("bitmap.state"), JvmTest.bytes("file.state")), config + ": same as the file");
      }
    }
    JvmTest.same(1, Bitmap.recycled); // the copy alone
  }

  static void battery() throws Exception {
    BatteryManager.current = -500000; // discharging, as some makers say it
    Intent.voltage = 4000;
    try (BatteryEnergy energy = new BatteryEnergy(new Context())) {
      long start = System.nanoTime();
      double before = energy.joules();
      while (energy.joules() - before < 1 && System.nanoTime() - start < 20000000000L) Thread.sleep(20);
      double seconds = (System.nanoTime() - start) * 1e-9, joules = energy.joules() - before;
      JvmTest.holds(joules >= 1 && joules <= 2 * seconds + 0.6, joules + " joules in " + seconds + " seconds of 2 watts");
      Intent.plugged = 1;
      while (!Double.isNaN(energy.joules()) && System.nanoTime() - start < 40000000000L) Thread.sleep(20);
      JvmTest.holds(Double.isNaN(energy.joules()), "on a charger nothing is known");
    }
  }

  static void test(Model model, String data) throws Exception {
    bitmaps(model, data);
    battery();
  }
}
