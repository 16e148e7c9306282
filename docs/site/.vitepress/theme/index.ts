import DefaultTheme from 'vitepress/theme';
import './sharenet.css';

export default DefaultTheme;
