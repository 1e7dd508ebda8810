"""Emoji and emoticons: which of them are words, and the plain words that they are read as.

Film reviews of the years before 2011 have next to none, so that nothing could be learned of them.
Each is read as one word that says in English what it shows or is sent for; how much that word
tells, and for which side, is learned from reviews like that of any other. The list is our own: the
emoji that are sent most, by their Unicode names, and what they are commonly sent for.
"""

READ_AS = {
    "excellent": "👍 👌 💯 🏆 ⭐ 🌟 👏 🙌 🔥 🥇 💪 ✨",
    "loved": "❤ ♥ 💕 💖 💗 💘 💙 💚 💛 💜 🖤 🧡 🤍 💓 💞 💝 😍 🥰 😘 😻 🤩 <3",
    "hilarious": "😂 🤣 😆 😹 😝",
    "enjoyed": "😊 🙂 😀 😃 😄 😁 ☺ 😎 😋 😇 🤗 🥳 🎉 😉 😜 :) :-) :d :-d =) ;) ;-) :p :-p ;p",
    "tears": "😢 😭 🥲 😿 :'(",
    "boring": "😴 🥱 💤 😪",
    "disappointed": "😞 😟 😔 🙁 ☹ 😕 😣 😖 😩 😫 💔 </3 :( :-( =( :-/",
    "awful": "👎 😠 😡 🤬 👿 🖕",
    "disgusting": "🤮 🤢 🤧",
    "crap": "💩",
    "garbage": "🗑 🚮",
    "annoying": "🙄 😒 😤 😑 🤦 🤷",
    "mediocre": "😐 😶 :| :-|",
    "scary": "😱 😨 😰 👻",
    "strange": "🤔 🤨 🤪",
}

EMOTICON_OF_3 = r"(?i::-d\b|:-p\b|[:;=]['-][()]|:-[/|]|</3)"
EMOTICON_OF_2 = r"(?i:[:;][dp]\b|[:;=][()]|:\||<3)"
# A word of its own each; what gives it a colour of skin is none.
PICTOGRAPH = r"[\x{1F300}-\x{1F3FA}\x{1F400}-\x{1FAFF}❤♥☺☹⭐✨]"
# What is a word though it is no letter and no digit.
MARKED = f"{EMOTICON_OF_3}|{EMOTICON_OF_2}|{PICTOGRAPH}|[!?]"
