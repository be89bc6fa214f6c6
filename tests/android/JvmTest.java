// SPDX-License-Identifier: Apache-2.0

import java.awt.image.BufferedImage;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import javax.imageio.ImageIO;
import org.binocle.BinocleException;
import org.binocle.Model;
import org.binocle.PixelFormat;
import org.binocle.PowerIntegral;
import org.binocle.Sampling;
import org.binocle.Session;

/** The Java API on a host's JVM, with the trained pocket model.   JvmTest MODEL TEST-DATA      in an empty folder that may be written */
public final class JvmTest {
  private static final String[][] QUESTIONS = {
      {"0000.webp", "Which word is on the sign?", "BUS"},
      {"0001.webp", "In the picture, what colour is the sign?", "white"},
      {"0002.webp", "Tell me which number the sign shows.", "33"},
  };
  private static String path, pictures, data;
  private static Model model;
  private static int checks;

  static void same(Object expected, Object got) {
    checks++;
    if (!Objects.equals(expected, got)) throw new AssertionError("got '" + got + "', expected '" + expected + "'");
  }

  static void holds(boolean what, String words) {
    checks++;
    if (!what) throw new AssertionError(words);
  }

  /** What the call throws says these words, in one line. */
  static <T extends Exception> T fails(Class<T> kind, String words, Runnable call) {
    checks++;
    try {
      call.run();
    } catch (Exception e) {
      if (!kind.isInstance(e) || !e.getMessage().contains(words) || e.getMessage().contains("\n")) throw new AssertionError("threw " + e, e);
      return kind.cast(e);
    }
    throw new AssertionError("threw nothing, expected '" + words + "'");
  }

  static void refuses(BinocleException.Status status, String words, Runnable call) {
    same(status, fails(BinocleException.class, words, call).status());
  }

  static byte[] bytes(String file) {
    try {
      return Files.readAllBytes(Paths.get(file));
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }

  static String picture(int i) {
    return pictures + "/" + QUESTIONS[i][0];
  }

  static void threePictures() {
    for (int i = 0; i < QUESTIONS.length; i++) {
      try (Session session = model.newSession()) {
        if (i % 2 == 0) session.addImage(picture(i));
        else session.addImage(bytes(picture(i)));
        same(QUESTIONS[i][2], session.answer(QUESTIONS[i][1]));
        Session.Statistics s = session.statistics();
        holds(s.pictures == 1 && s.prefillRows > model.imageRows() && s.visionSeconds > 0 && s.cacheBytes > 0, "statistics");
        holds(session.rows() > model.imageRows() && session.rows() <= model.context(), "rows");
      }
    }
  }

  static void streams() {
    List<String> pieces = new ArrayList<>();
    List<Integer> ids = new ArrayList<>();
    try (Session session = model.newSession()) {
      session.addImage(picture(1));
      session.ask("In the picture, where is the sign?");
      same(Session.Finish.STOP, session.generate(new Sampling(), (id, text) -> pieces.add(text) && ids.add(id)));
      same("top right", String.join("", pieces));
      holds(ids.size() > 1 && ids.get(0) >= 0, "ids " + ids);
      session.ask("Größe 😀 \uD83D?"); // whole characters of four bytes, and half a one
      session.generate(new Sampling(), null);
      Sampling cut = new Sampling();
      cut.stops = new String[] {"gh", "never"};
      session.restart();
      session.ask("In the picture, where is the sign?");
      pieces.clear();
      same(Session.Finish.STOP, session.generate(cut, (id, text) -> pieces.add(text)));
      same("top ri", String.join("", pieces));
    }
  }

  static void inThread(Runnable work) {
    Thread thread = new Thread(work);
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  static void cancels() {
    try (Session session = model.newSession()) {
      session.addImage(picture(0));
      session.ask(QUESTIONS[0][1]);
      same(Session.Finish.CALLER, session.generate(new Sampling(), (id, text) -> false));
      session.restart();
      session.ask(QUESTIONS[0][1]);
      same(Session.Finish.CALLER, session.generate(new Sampling(), (id, text) -> {
        inThread(session::cancel);
        return true;
      }));
      inThread(session::cancel); // what comes next
      refuses(BinocleException.Status.CANCELLED, "cancelled", () -> session.addImage(picture(1)));
      session.reset();
      session.addImage(picture(1));
      same(QUESTIONS[1][2], session.answer(QUESTIONS[1][1]));
    }
  }

  static void listenersThrow() {
    RuntimeException mine = new IllegalStateException("mine");
    int[] calls = {0};
    try (Session session = model.newSession()) {
      session.addImage(picture(0));
      session.ask(QUESTIONS[0][1]);
      same(mine, fails(IllegalStateException.class, "mine", () -> session.generate(new Sampling(), (id, text) -> {
        calls[0]++;
        throw mine;
      })));
      same(1, calls[0]);
      session.restart();
      same(QUESTIONS[0][2], session.answer(QUESTIONS[0][1]));
    }
  }

  static void savesAndRestores() {
    String next;
    try (Session session = model.newSession(); Session other = model.newSession()) {
      session.addImage(picture(2));
      session.answer(QUESTIONS[2][1]);
      session.save("talk.state");
      next = session.answer(QUESTIONS[1][1]);
      other.restore("talk.state");
      same(next, other.answer(QUESTIONS[1][1]));
      same(session.rows(), other.rows());
      same(0L, other.statistics().pictures);
      refuses(BinocleException.Status.IO, "none.state: No such file", () -> other.restore("none.state"));
      refuses(BinocleException.Status.FORMAT, "not a saved session", () -> other.restore(picture(0)));
      same(session.answer(QUESTIONS[1][1]), other.answer(QUESTIONS[1][1]));
    }
  }

  static void pixels() throws Exception {
    File file = new File(data + "/image/photo.png");
    BufferedImage image = ImageIO.read(file);
    int width = image.getWidth(), height = image.getHeight(), row = 4 * width + 20;
    ByteBuffer rgba = ByteBuffer.allocateDirect(16 + row * height);
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        int c = image.getRGB(x, y);
        rgba.position(16 + y * row + 4 * x);
        rgba.put((byte) (c >> 16)).put((byte) (c >> 8)).put((byte) c).put((byte) -1);
      }
    rgba.position(16);
    try (Session session = model.newSession(); Session other = model.newSession()) {
      session.addPixels(rgba, PixelFormat.RGBA8, width, height, row);
      other.addImage(file.getPath());
      same(other.answer(QUESTIONS[1][1]), session.answer(QUESTIONS[1][1]));
      session.save("pixels.state");
      other.save("file.state");
      holds(java.util.Arrays.equals(bytes("pixels.state"), bytes("file.state")), "pixels and file give the same embeddings");
      session.addPixels(ByteBuffer.allocateDirect(9 * 7 + 2 * 5 * 4), PixelFormat.NV21, 9, 7, 0);
      fails(IllegalArgumentException.class, "not direct", () -> session.addPixels(ByteBuffer.allocate(12), PixelFormat.RGB8, 2, 2, 0));
      fails(IllegalArgumentException.class, "has 11 bytes, expected 12",
          () -> session.addPixels(ByteBuffer.allocateDirect(11), PixelFormat.RGB8, 2, 2, 0));
      fails(IllegalArgumentException.class, "at least 8", () -> session.addPixels(rgba, PixelFormat.RGBA8, 2, 2, 7));
      fails(IllegalArgumentException.class, "0 x 2", () -> session.addPixels(rgba, PixelFormat.RGBA8, 0, 2, 0));
      fails(IllegalArgumentException.class, "expected", () -> session.addPixels(rgba, PixelFormat.RGBA8, 1 << 30, 1 << 30, 0));
    }
  }

  static void errors() {
    refuses(BinocleException.Status.IO, "nowhere.bnc: No such file", () -> Model.open("nowhere.bnc"));
    refuses(BinocleException.Status.FORMAT, "0000.webp", () -> Model.open(picture(0)));
    fails(IllegalArgumentException.class, "zero character", () -> Model.open("a\0b"));
    fails(NullPointerException.class, "missing", () -> Model.open(null));
    try (Session session = model.newSession()) {
      refuses(BinocleException.Status.IO, "größe.png: No such file", () -> session.addImage("größe.png"));
      refuses(BinocleException.Status.FORMAT, "", () -> session.addImage(new byte[100]));
      refuses(BinocleException.Status.FORMAT, "", () -> session.addImage(new byte[0]));
      refuses(BinocleException.Status.ARGUMENT, "nothing", () -> session.generate(new Sampling(), null));
      Sampling wrong = new Sampling();
      wrong.topP = 2;
      session.ask("Hello?");
      refuses(BinocleException.Status.ARGUMENT, "top-p is 2", () -> session.generate(wrong, null));
      wrong.topP = 1;
      wrong.stops = new String[17];
      java.util.Arrays.fill(wrong.stops, "x");
      refuses(BinocleException.Status.ARGUMENT, "16", () -> session.generate(wrong, null));
      refuses(BinocleException.Status.ARGUMENT, "has begun", () -> session.setSystem("Be brief."));
    }
    Session.Settings none = new Session.Settings();
    none.memoryLimit = 1000;
    refuses(BinocleException.Status.LIMIT, "expected at least", () -> model.newSession(none));
    none.memoryLimit = -1;
    refuses(BinocleException.Status.ARGUMENT, "negative", () -> model.newSession(none));
  }

  static void closing() {
    Model own = Model.open(path);
    Session session = own.newSession();
    own.close();
    own.close();
    fails(IllegalStateException.class, "closed", own::newSession);
    session.addImage(picture(0)); // the model lives as long as its sessions
    session.ask(QUESTIONS[0][1]);
    StringBuilder text = new StringBuilder();
    session.generate(new Sampling(), (id, piece) -> {
      inThread(session::close); // and the session as long as what it does
      text.append(piece);
      return true;
    });
    same(QUESTIONS[0][2], text.toString());
    session.close();
    fails(IllegalStateException.class, "closed", session::cancel);
    fails(IllegalStateException.class, "closed", () -> session.ask("?"));
  }

  static void logs() {
    AtomicReference<String> said = new AtomicReference<>();
    Model.Options options = new Model.Options();
    options.threads = 1;
    options.logger = (level, message) -> {
      said.set(level + message);
      throw new IllegalStateException("a logger's own trouble");
    };
    Session.Settings settings = new Session.Settings();
    settings.cache = Session.Cache.INT8;
    settings.context = 400;
    try (Model own = Model.open(path, options); Session session = own.newSession(settings)) {
      same("2a context of 400 rows (of 2304), KV cache int8: 0.2 MB", said.get());
      session.addImage(picture(0));
      same(QUESTIONS[0][2], session.answer(QUESTIONS[0][1]));
    }
  }

  static long status(String key) throws Exception {
    for (String line : Files.readAllLines(Paths.get("/proc/self/status")))
      if (line.startsWith(key + ":")) return Long.parseLong(line.replaceAll("\\D", ""));
    throw new AssertionError(key);
  }

  static void rounds() throws Exception {
    long memory = 0, threads = 0;
    int files = 0;
    for (int i = 0; i < 200; i++) {
      try (Model own = Model.open(path); Session session = own.newSession()) {
        if (i % 20 == 0) session.addImage(picture(0));
        session.ask("Hello?");
      }
      if (i == 99) {
        System.gc();
        memory = status("VmRSS");
        threads = status("Threads");
        files = new File("/proc/self/fd").list().length;
      }
    }
    System.gc();
    long grown = status("VmRSS") - memory;
    holds(grown < 4096, "100 rounds more: " + grown + " KiB more");
    holds(status("Threads") <= threads + 1, "threads are left"); // the JVM's own come and go
    holds(new File("/proc/self/fd").list().length <= files, "descriptors are left");
    System.out.println("100 rounds more of open, ask, close: " + grown + " KiB");
  }

  /** 5 W, whatever is done; or nothing that it could tell. */
  private static final class Meter implements org.binocle.EnergySource {
    private final long start = System.nanoTime();
    volatile boolean broken;
    volatile int asked;

    @Override
    public double joules() {
      asked++;
      if (broken) throw new IllegalStateException("no battery");
      return 5e-9 * (System.nanoTime() - start);
    }

    @Override
    public void close() {
    }
  }

  /** Asks the same question again until then, for 30 seconds at most: meters are looked at by time, and an answer may take 50 us. */
  static void askUntil(Session session, BooleanSupplier then) {
    long start = System.nanoTime();
    while (!then.getAsBoolean() && System.nanoTime() - start < 30000000000L) {
      session.restart();
      same(QUESTIONS[0][2], session.answer(QUESTIONS[0][1]));
    }
  }

  static void power() {
    Meter meter = new Meter();
    Session.Power power = new Session.Power();
    power.limitWatts = 2;
    try (Session session = model.newSession()) {
      refuses(BinocleException.Status.UNSUPPORTED, "needs a meter", () -> session.limitPower(power));
      power.meter = meter;
      session.limitPower(power);
      session.addImage(picture(0));
      askUntil(session, () -> session.power().pausedSeconds > 0);
      holds(session.power().pausedSeconds > 0 && Math.abs(session.power().watts - 5) < 0.5 && meter.asked > 1,
          "5 W stay below 2: " + session.power().watts + " W, meter asked " + meter.asked + " times");
      meter.broken = true;
      int before = meter.asked;
      askUntil(session, () -> meter.asked > before);
      holds(meter.asked > before, "a broken meter is asked");
      session.limitPower(null);
      same(0.0, session.power().limitWatts);
    }
  }

  static void energy() {
    PowerIntegral integral = new PowerIntegral();
    long second = 1000000000L;
    double[] watts = {2, 4, Double.NaN, 4, 4};
    for (int i = 0; i < watts.length; i++) integral.add(i * second, watts[i]);
    integral.add(20 * second, 4); // too long ago to know
    same(3.0 + 4.0, integral.joules());
  }

  public static void main(String[] arguments) throws Exception {
    path = arguments[0];
    data = arguments[1];
    pictures = data + "/pocket";
    holds(Model.version().matches("\\d+\\.\\d+\\.\\d+"), "version " + Model.version());
    model = Model.open(path);
    holds(model.imageRows() > 0 && model.inputSide() > 0 && model.hasTokenizer() && model.fileBytes() == new File(path).length(), "info");
    threePictures();
    streams();
    cancels();
    listenersThrow();
    savesAndRestores();
    pixels();
    errors();
    closing();
    logs();
    energy();
    power();
    AndroidParts.test(model, data);
    rounds();
    model.close();
    System.out.println(checks + " checks passed");
  }
}
