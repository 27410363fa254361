//! Values that can be used but not printed.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is shown in place of a secret.
pub const MASK: &str = "********";

/// A secret that prints as a mask.
#[derive(Clone)]
pub struct Secret(SecretString);

/// A URL whose password prints as a mask.
#[derive(Clone)]
pub struct SecretUrl(SecretString);

impl Secret {
    /// The secret itself, to be handed on and never printed.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    fn shown(&self) -> &'static str {
        if self.expose().is_empty() { "" } else { MASK }
    }
}

impl SecretUrl {
    /// The URL itself, to be handed on and never printed.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The URL with a mask for its password and for the parameters, which may carry one.
    fn shown(&self) -> String {
        let url = self.expose();
        let (url, parameters) = url.split_once('?').map_or((url, ""), |(url, _)| (url, "?…"));
        let masked = match url
            .split_once("://")
            .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)))
        {
            Some((scheme, (login, host))) => format!("{scheme}://{}@{host}", masked_login(login)),
            None => url.to_owned(),
        };
        masked + parameters
    }
}

fn masked_login(login: &str) -> String {
    match login.split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}"),
        None => login.to_owned(),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text).map(|text| Secret(text.into()))
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text).map(|text| SecretUrl(text.into()))
    }
}

/// Reads a text; a variable of nothing but digits arrives as a number.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
