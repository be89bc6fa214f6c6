# SPDX-License-Identifier: Apache-2.0
"""`devices` with a model, a preset or a board: does it fit, how fast will it be, what else is there."""
import json

from program_case import ProgramCase, binocle, main, path

BOARDS = ("pi3", "zero2", "pi4", "pi5", "jetson-nano", "orin-nano", "agx-orin", "phone-mid", "phone-flagship")
PRESETS = ("inf-llava-8b", "inf-llava-3b", "inf-llava-1b")
TIMES = ("picture_s", "prompt_s", "first_token_s", "tokens_per_s")


class Devices(ProgramCase):
    def devices(self, *arguments):
        outcome = binocle("devices", *arguments, "--json")
        self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
        return json.loads(outcome.out)

    def test_this_machine(self):
        found = self.devices(self.model)
        rates, fit = found["rates"], found["fit"]
        self.assertTrue(rates["measured"])
        for rate in ("int8_gops", "bf16_gops", "f32_gflops", "memory_gbytes_per_s"):
            self.assertGreater(rates[rate], 0.1, rate)
        self.assertEqual([f["model"] for f in fit], ["model.bnc"])
        self.assertEqual((fit[0]["verdict"], found["suggestion"]), ("fits", "model.bnc"))
        for time in TIMES:
            self.assertGreater(fit[0][time], 0, time)
        self.assertAlmostEqual(fit[0]["first_token_s"], fit[0]["picture_s"] + fit[0]["prompt_s"], delta=0.02 * fit[0]["first_token_s"])
        # What inspect and bench tell of the file is what devices counts with.
        self.assertEqual(fit[0]["memory_bytes"], json.loads(binocle("bench", self.model, "--json", "--repeat", "1").out)["predicted_bytes"])
        self.assertIn("levels", found["cpu"])

    def test_no_model(self):
        self.assertNotIn("rates", self.devices())

    def test_boards(self):
        speed = {}
        for board in ("pi3", "pi4", "pi5", "agx-orin"):
            found = self.devices("--board", board)
            self.assertEqual(found["board"]["name"], board)
            self.assertFalse(found["rates"]["measured"])
            self.assertTrue(found["estimated"] and "not measured" in found["assumptions"])
            self.assertEqual([f["model"] for f in found["fit"]], list(PRESETS))
            for larger, smaller in zip(found["fit"], found["fit"][1:]):
                self.assertGreater(larger["memory_bytes"], smaller["memory_bytes"])
                self.assertLess(larger["tokens_per_s"] or 0, smaller["tokens_per_s"] or 1)
            fits = [f["model"] for f in found["fit"] if f["verdict"] == "fits"]
            self.assertEqual(found["suggestion"], fits[0] if fits else None)
            speed[board] = found["fit"][2]["tokens_per_s"]
        self.assertLess(speed["pi4"], speed["pi5"])
        self.assertLess(speed["pi5"], speed["agx-orin"])

    def test_preset_is_what_synth_makes(self):
        for weights in (("int8", "int4"), ("f32", "f32")):
            options = ("--vision-weights", weights[0], "--text-weights", weights[1])
            made = path(f"w128-{weights[1]}.bnc")
            self.assertEqual(binocle("synth", "w128", "-o", made, "--quiet", *options).code, 0)
            preset = self.devices("w128", "--board", "pi5", *options)["fit"][0]
            file = self.devices(made, "--board", "pi5")["fit"][0]
            for key in (*TIMES, "memory_bytes", "weight_bytes"):
                self.assertEqual(preset[key], file[key], key)

    def test_wrong(self):
        wrong = binocle("devices", "w128", "--board", "vax")
        self.assertIn(b"there is no board 'vax', expected one of " + ", ".join(BOARDS).encode(), wrong.err)
        self.assertEqual(wrong.code, 2)
        for asked, code, said in ((["inf-llava-8B"], 1, "did you mean 'inf-llava-8b'?"), (["pi5"], 1, "did you mean '--board pi5'?"),
                                  (["w128", "--board", "PI5"], 2, "did you mean 'pi5'?"), (["w128", "--board", "pi6"], 2, "did you mean 'pi")):
            wrong = binocle("devices", *asked)
            self.assertEqual(code, wrong.code, asked)
            self.assertIn(said, wrong.err.decode())
        self.assertEqual(binocle("devices", self.model, "w128").code, 2)
        self.assertEqual(binocle("devices", path("nothing.bnc")).code, 1)

    def test_text(self):
        out = binocle("devices", "inf-llava-1b", "--board", "zero2").out.decode()
        for words in ("Raspberry Pi Zero 2 W", "not measured", "weights    vision int8, text int4; ", "suggestion none of these fits"):
            self.assertIn(words, out)
        out = binocle("devices", self.model).out.decode()
        for words in ("\nmeasured   int8 ", "model.bnc", "\nsuggestion model.bnc"):
            self.assertIn(words, out)


if __name__ == "__main__":
    main()
