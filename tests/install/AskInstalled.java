// SPDX-License-Identifier: Apache-2.0

import org.binocle.Model;
import org.binocle.Session;

/** Asks an installed library about a picture, in whatever JVM this runs. AskInstalled MODEL PICTURE QUESTION */
public final class AskInstalled {
  public static void main(String[] arguments) {
    try (Model model = Model.open(arguments[0]); Session session = model.newSession()) {
      session.addImage(arguments[1]);
      System.out.println(session.answer(arguments[2]));
    }
  }
}
