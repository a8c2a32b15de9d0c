//! Charts of the days of a month: bars as SVG, with the figures in a table behind each.

use maud::{Markup, html};
use postroom::clock::Timestamp;
use postroom::history::Day;

use super::part::grouped;

/// The width of a bar with its gap, and the heights of the bars and of all.
const STEP: u64 = 20;
const HIGH: u64 = 90;
const WHOLE: u64 = 116;

/// A series of a chart: its name, its colour, and its figure of a day.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) of: fn(&Day) -> u64,
}

/// The date of a day.
fn date(day: &Day) -> String {
    let at = Timestamp::from_millis(day.day.saturating_mul(86_400_000)).to_string();
    at.get(..10).unwrap_or_default().to_owned()
}

/// A chart with its table. The series stand on each other.
pub(super) fn bars(title: &str, days: &[Day], series: &[Series]) -> Markup {
    let total = |day: &Day| series.iter().map(|one| (one.of)(day)).sum::<u64>();
    let sum: u64 = days.iter().map(total).sum();
    let most = days.iter().map(total).max().unwrap_or(0).max(1);
    let wide = STEP * days.len() as u64;
    html! {
        figure.chart-of {
            figcaption { h3 { (title) } span.soft.small { (grouped(sum)) " in " (days.len()) " days" } }
            svg.chart viewBox={ "0 0 " (wide) " " (WHOLE) } role="img" aria-label={ (title) ": " (grouped(sum)) " in " (days.len()) " days, " (grouped(most)) " at most on one" } {
                line.axis x1="0" y1=(HIGH) x2=(wide) y2=(HIGH) {}
                @for (at, day) in days.iter().enumerate() { (bar(at as u64, day, series, most)) }
                @if let Some(first) = days.first() { text x="0" y=(WHOLE - 8) { (date(first)) } }
                @if let Some(last) = days.last() { text x=(wide) y=(WHOLE - 8) text-anchor="end" { (date(last)) } }
            }
            @if series.len() > 1 {
                ul.legend { @for one in series { li { svg viewBox="0 0 10 10" aria-hidden="true" { rect.(one.class) width="10" height="10" rx="2" {} } (one.name) } } }
            }
            details {
                summary { "As a table" }
                table.table.small {
                    caption.visually-hidden { (title) }
                    thead { tr { th scope="col" { "Day" } @for one in series { th.number scope="col" { (one.name) } } } }
                    tbody {
                        @for day in days.iter().rev().filter(|day| total(day) > 0) {
                            tr { td { (date(day)) } @for one in series { td.number data-label=(one.name) { (grouped((one.of)(day))) } } }
                        }
                    }
                }
                @if sum == 0 { p.soft { "Nothing yet." } }
            }
        }
    }
}

/// The bar of a day: what is there has a pixel at least.
fn bar(at: u64, day: &Day, series: &[Series], most: u64) -> Markup {
    let mut foot = HIGH;
    let parts: Vec<_> = series
        .iter()
        .filter_map(|one| {
            let number = (one.of)(day);
            let height = if number == 0 { 0 } else { (number * HIGH / most).max(2).min(foot) };
            foot -= height;
            (height > 0).then_some((one.class, foot, height))
        })
        .collect();
    html! { @for (class, top, height) in parts { rect.(class) x=(at * STEP + 3) y=(top) width=(STEP - 6) height=(height) rx="2" {} } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_as_high_as_there_is_room_and_nothing_is_lost() {
        let days = [
            Day { day: 20_000, checks: 100_000, ..Day::default() },
            Day { day: 20_001, checks: 1, ..Day::default() },
            Day { day: 20_002, ..Day::default() },
        ];
        let series = [Series { name: "Checks", class: "good", of: |day| day.checks }];
        let drawn = bars("Checks", &days, &series).into_string();
        assert_eq!(drawn.matches("<rect").count(), 2, "{drawn}");
        assert!(
            drawn.contains("y=\"0\" width=\"14\" height=\"90\"") && drawn.contains("height=\"2\""),
            "{drawn}"
        );
        assert!(drawn.contains("2024-10-04") && drawn.contains("100\u{202f}001 in 3 days"), "{drawn}");
        assert_eq!(drawn.matches("<tr>").count(), 3, "the head, and the days on which something happened");
    }
}
